DROP TABLE pool_creation_failures;
