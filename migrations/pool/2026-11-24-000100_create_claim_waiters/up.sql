-- Claims that wait for an idle instance: the lowest id is served first.
CREATE TABLE claim_waiters (
    id bigserial PRIMARY KEY,
    -- Renewed by the replica that holds the request. Past: it is dead, and nobody waits for it.
    lease_expires_at timestamptz NOT NULL
);
