ALTER TABLE instances
    ADD COLUMN pool text NOT NULL DEFAULT 'default',
    -- What it was made from. Null: from the settings, by a version before there were pools.
    ADD COLUMN recipe jsonb;
ALTER TABLE claim_waiters ADD COLUMN pool text NOT NULL DEFAULT 'default';
ALTER TABLE instance_events ADD COLUMN pool text;
