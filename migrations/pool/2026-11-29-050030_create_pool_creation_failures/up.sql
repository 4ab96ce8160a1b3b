-- What the creations of each pool fail with until one succeeds: the pauses of every replica. It replaces
-- creation_failures, whose key is the cause alone, and which the previous version still uses.
CREATE TABLE pool_creation_failures (
    pool text NOT NULL,
    cause text NOT NULL,
    in_a_row integer NOT NULL CHECK (in_a_row > 0),
    retry_at timestamptz NOT NULL,
    error text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (pool, cause)
);
