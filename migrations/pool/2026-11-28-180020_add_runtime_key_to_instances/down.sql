ALTER TABLE instances DROP COLUMN runtime_key;
