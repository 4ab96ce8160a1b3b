-- Work that one caller does at a time, in all replicas together, such as a call that a vendor allows once in
-- 30 seconds. A row ends by itself: at held_until if its holder died, else at free_at.
CREATE TABLE sections (
    name text PRIMARY KEY,
    holder text NOT NULL,
    held_until timestamptz NOT NULL,
    -- The earliest time at which the next holder may enter.
    free_at timestamptz NOT NULL
);
