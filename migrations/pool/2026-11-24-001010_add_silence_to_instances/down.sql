ALTER TABLE instances DROP COLUMN made_at, DROP COLUMN silent_since;
