ALTER TABLE instance_events DROP COLUMN pool;
ALTER TABLE claim_waiters DROP COLUMN pool;
ALTER TABLE instances DROP COLUMN recipe, DROP COLUMN pool;
