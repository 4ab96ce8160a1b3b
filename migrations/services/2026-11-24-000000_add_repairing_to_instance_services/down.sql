ALTER TABLE instance_services DROP COLUMN repairing_at;
