-- made_from: the hash of the recipe that Services made the instance from. runs: the image, its digest and the version of
-- the runtime, as Services last said. Null: not known, or made before this was recorded.
ALTER TABLE instances
    ADD COLUMN made_from text,
    ADD COLUMN runs jsonb;
