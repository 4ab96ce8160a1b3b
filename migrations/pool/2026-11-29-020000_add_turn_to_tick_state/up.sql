-- Until when the latest tick has its turn. Its replica renews this while it ticks; after that any replica may begin one.
ALTER TABLE tick_state ADD COLUMN turn_expires_at timestamptz;
