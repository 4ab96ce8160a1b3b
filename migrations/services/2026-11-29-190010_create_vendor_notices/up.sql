-- The webhooks of vendors that any replica has received, so that one that comes twice is recognised, and each replica
-- knows how old its lists may be.
CREATE TABLE vendor_notices (
    infra_id text NOT NULL,
    notice_id text NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (infra_id, notice_id)
);
CREATE INDEX vendor_notices_infra_id_seen_at_idx ON vendor_notices (infra_id, seen_at);
