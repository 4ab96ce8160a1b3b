-- A claim takes the first entry of its pool. The index without the pool serves the previous version.
CREATE INDEX CONCURRENTLY instances_pool_created_at_idx ON instances (pool, created_at) WHERE status = 'idle';
