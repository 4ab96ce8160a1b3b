-- What creations fail with until one succeeds: the pauses of every replica.
CREATE TABLE creation_failures (
    cause text PRIMARY KEY,
    in_a_row integer NOT NULL CHECK (in_a_row > 0),
    retry_at timestamptz NOT NULL,
    error text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT now()
);
