ALTER TABLE instance_infra DROP COLUMN deploy_detail;
