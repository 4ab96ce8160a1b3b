-- What the instance was made from, without values of variables. Null: it was made before this was recorded.
-- image_digest is what the infra said at the last check that it runs.
ALTER TABLE instance_infra
    ADD COLUMN made_from jsonb,
    ADD COLUMN image_digest text;
