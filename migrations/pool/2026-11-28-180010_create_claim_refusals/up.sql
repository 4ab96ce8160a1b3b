-- Claims that used up an instance by a fault of their own: not tried again for a while.
CREATE TABLE claim_refusals (
    request_hash bytea PRIMARY KEY,
    problem jsonb NOT NULL,
    expires_at timestamptz NOT NULL
);
