ALTER TABLE instances
    -- When its creation ended.
    ADD COLUMN made_at timestamptz,
    -- When it was first found not healthy, after it was last found healthy.
    ADD COLUMN silent_since timestamptz;

UPDATE instances SET made_at = created_at WHERE url IS NOT NULL;
