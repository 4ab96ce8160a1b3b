ALTER TABLE tick_state DROP COLUMN turn_expires_at;
