ALTER TABLE instance_infra DROP COLUMN handle;
