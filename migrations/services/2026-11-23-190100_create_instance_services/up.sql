CREATE TABLE instance_services (
    id serial PRIMARY KEY,
    instance_id text NOT NULL REFERENCES instance_infra (instance_id) ON DELETE CASCADE,
    tool_id text NOT NULL,
    -- Until made_at is set: the label that the resource will bear at its vendor.
    resource_id text NOT NULL,
    resource_meta jsonb,
    env_key text NOT NULL,
    env_value text,
    status text NOT NULL CHECK (status IN ('active', 'destroyed')),
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Variables of the tool beyond env_key, name to value; sealed as env_value is.
    more_env jsonb,
    -- When the vendor answered with what it made. NULL: it was asked, or is about to be.
    made_at timestamptz,
    -- Since when it is to be taken away.
    destroying_at timestamptz,
    UNIQUE (instance_id, tool_id)
);
