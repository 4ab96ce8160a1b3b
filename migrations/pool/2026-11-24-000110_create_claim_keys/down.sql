DROP TABLE claim_keys;
