-- Tools for a developer's own machine: what a sweep needs to tell them from orphans. No secrets.
CREATE TABLE local_grants (
    instance_id text PRIMARY KEY,
    tools text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- From when on what the vendors have of it is nobody's. Soon, until all of it is made.
    expires_at timestamptz NOT NULL
);
