DROP TABLE local_grants;
