-- Append-only; outlives the instances, so there is no foreign key.
CREATE TABLE instance_events (
    id bigserial PRIMARY KEY,
    instance_id text NOT NULL,
    from_status text,
    to_status text,
    cause text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT instance_events_move_check CHECK (from_status IS NOT NULL OR to_status IS NOT NULL)
);

CREATE INDEX instance_events_instance_id_id_idx ON instance_events (instance_id, id);
