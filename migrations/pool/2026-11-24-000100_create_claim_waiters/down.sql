DROP TABLE claim_waiters;
