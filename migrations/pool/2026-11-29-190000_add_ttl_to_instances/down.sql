ALTER TABLE instances DROP COLUMN ttl_seconds;
