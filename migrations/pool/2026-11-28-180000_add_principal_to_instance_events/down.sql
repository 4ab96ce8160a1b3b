ALTER TABLE instance_events
    DROP COLUMN principal,
    DROP COLUMN source;
