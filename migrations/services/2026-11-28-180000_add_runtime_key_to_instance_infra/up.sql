-- The key that opens the runtime of the instance, sealed. NULL: the instance was made before instances had
-- keys of their own, and accepts the operators' key.
ALTER TABLE instance_infra ADD COLUMN runtime_key text;
