-- Upgrades of claimed instances, one row for each, in the requests that people made.
CREATE TABLE upgrades (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request text NOT NULL,
    instance_id text NOT NULL,
    -- How many of its request are upgraded at a time.
    batch integer NOT NULL CHECK (batch > 0),
    state text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'stopped')),
    error text,
    requested_by text,
    requested_at timestamptz NOT NULL DEFAULT now(),
    -- Of the replica that works on it.
    lease_expires_at timestamptz,
    ended_at timestamptz
);
CREATE UNIQUE INDEX upgrades_instance_id_idx ON upgrades (instance_id) WHERE state IN ('waiting', 'running');
CREATE INDEX upgrades_instance_id_id_idx ON upgrades (instance_id, id);
CREATE INDEX upgrades_request_idx ON upgrades (request) WHERE state IN ('waiting', 'running');
