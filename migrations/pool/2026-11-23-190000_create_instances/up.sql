CREATE TABLE instances (
    id text PRIMARY KEY,
    name text NOT NULL,
    url text,
    status text NOT NULL
        CHECK (status IN ('starting', 'idle', 'claiming', 'claimed', 'crashed', 'destroying')),
    agent_name text,
    conversation_id text,
    invite_url text,
    instructions text,
    created_at timestamptz NOT NULL DEFAULT now(),
    claimed_at timestamptz,
    last_healthy_at timestamptz,
    -- Until then somebody works on the row: hands off. Null: nobody does.
    lease_expires_at timestamptz,
    CONSTRAINT instances_url_check
        CHECK (status IN ('starting', 'destroying') OR url IS NOT NULL),
    CONSTRAINT instances_claim_check
        CHECK (status NOT IN ('claimed', 'crashed')
               OR (claimed_at IS NOT NULL AND conversation_id IS NOT NULL AND invite_url IS NOT NULL)),
    CONSTRAINT instances_lease_check
        CHECK (CASE status
                   WHEN 'claiming' THEN lease_expires_at IS NOT NULL
                   WHEN 'starting' THEN (lease_expires_at IS NULL) = (url IS NOT NULL)
                   WHEN 'destroying' THEN true
                   ELSE lease_expires_at IS NULL
               END)
);

-- A claim takes the first entry of this index.
CREATE INDEX instances_created_at_idx ON instances (created_at) WHERE status = 'idle';
