DROP TABLE creation_failures;
