-- Who is changing an instance right now: one replica, one operation at a time.
CREATE TABLE instance_leases (
    instance_id text PRIMARY KEY,
    holder text NOT NULL,
    leased_until timestamptz NOT NULL
);
