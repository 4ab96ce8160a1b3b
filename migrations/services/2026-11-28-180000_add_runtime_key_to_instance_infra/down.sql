ALTER TABLE instance_infra DROP COLUMN runtime_key;
