ALTER TABLE instance_services DROP COLUMN unset_since;
