-- The key that opens the runtime of the instance, sealed if POOL_ENCRYPTION_KEY is set. NULL: the instance was
-- made before instances had keys of their own, and accepts the operators' key.
ALTER TABLE instances ADD COLUMN runtime_key text;
