ALTER TABLE instances RESET (fillfactor, autovacuum_vacuum_scale_factor);
ALTER TABLE instances DROP COLUMN destroy_failed_at;
