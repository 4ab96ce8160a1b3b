ALTER TABLE instances
    DROP COLUMN made_from,
    DROP COLUMN runs;
