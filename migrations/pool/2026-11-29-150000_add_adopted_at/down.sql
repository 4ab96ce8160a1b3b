ALTER TABLE instances DROP COLUMN adopted_at;
