CREATE TABLE instance_infra (
    instance_id text PRIMARY KEY,
    provider text NOT NULL,
    -- Until made_at is set: the label that the service will bear at its vendor.
    provider_service_id text NOT NULL UNIQUE,
    provider_env_id text NOT NULL,
    provider_project_id text,
    url text,
    deploy_status text,
    runtime_image text,
    volume_id text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- When the infra answered with what it made. NULL: it was asked, or is about to be.
    made_at timestamptz,
    -- When the instance was first deployed with all its variables. NULL: its creation is not done.
    started_at timestamptz,
    -- Since when it is to be taken down. It never goes back.
    destroying_at timestamptz
);
