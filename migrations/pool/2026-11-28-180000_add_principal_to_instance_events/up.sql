-- Who made a change: the name of a key, and the address that the request came from. Null: the pool itself,
-- or before these columns.
ALTER TABLE instance_events
    ADD COLUMN principal text,
    ADD COLUMN source text;
