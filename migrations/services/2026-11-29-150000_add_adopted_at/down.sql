ALTER TABLE instance_services DROP COLUMN adopted_at;
ALTER TABLE instance_infra DROP COLUMN adopted_at;
