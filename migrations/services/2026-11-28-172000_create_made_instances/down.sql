DROP TABLE confirmed_infras;
DROP TRIGGER record_made_instance ON local_grants;
DROP TRIGGER record_made_instance ON instance_infra;
DROP FUNCTION record_made_instance;
DROP TABLE made_instances;
