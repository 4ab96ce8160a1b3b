-- The decisions about pools that are sized, one a minute.
CREATE TABLE pool_sizings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pool text NOT NULL,
    target integer NOT NULL CHECK (target >= 0),
    wanted integer NOT NULL,
    bound text NOT NULL,
    rate double precision NOT NULL,
    recent integer NOT NULL,
    lead_seconds double precision NOT NULL,
    dispersion double precision NOT NULL,
    reason text NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX pool_sizings_pool_decided_at_idx ON pool_sizings (pool, decided_at);
