-- Who is signed in to the dashboard. The ID is stored as a hash, and the key as a proof that only the
-- holder of the ID can check, so the table opens no session.
CREATE TABLE dashboard_sessions (
    id_hash bytea PRIMARY KEY,
    key_proof bytea NOT NULL,
    expires_at timestamptz NOT NULL
);
