ALTER TABLE instance_infra
    DROP COLUMN made_from,
    DROP COLUMN image_digest;
