-- When it was taken over from the Node.js original: its runtime may accept the operators' key, even if it has one of
-- its own. NULL: we made it.
ALTER TABLE instances ADD COLUMN adopted_at timestamptz;
