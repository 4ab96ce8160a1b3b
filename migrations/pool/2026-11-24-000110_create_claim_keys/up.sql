-- What became of the claims with an Idempotency-Key.
CREATE TABLE claim_keys (
    key text PRIMARY KEY,
    request_hash bytea NOT NULL,
    -- Each try of the claim has a number of its own: who no longer has it records nothing.
    run bigserial NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT now(),
    -- Until then a replica works on it. Null: nobody does.
    lease_expires_at timestamptz,
    answer jsonb,
    failure jsonb,
    CONSTRAINT claim_keys_state_check CHECK (num_nonnulls(lease_expires_at, answer, failure) <= 1)
);

-- For pruning by age.
CREATE INDEX claim_keys_begun_at_idx ON claim_keys (begun_at);
