-- What the last sweep of each environment found.
CREATE TABLE sweep_reports (
    environment text PRIMARY KEY,
    swept_at timestamptz NOT NULL,
    -- json and not jsonb, which refuses a NUL: vendors' words are in it.
    report json NOT NULL
);
