-- When Services last failed to destroy it. Such a row waits for the next tick; others are taken at once.
ALTER TABLE instances ADD COLUMN destroy_failed_at timestamptz;

-- Renewed leases and notes of health change no indexed column: with room on its page a row is updated in
-- place. Claims leave dead rows behind, which are to be removed before there are many.
ALTER TABLE instances SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
