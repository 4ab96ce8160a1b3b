DROP TABLE claim_refusals;
