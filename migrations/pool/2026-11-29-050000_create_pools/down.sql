DROP TABLE pool_versions;
DROP TABLE pools;
