CREATE INDEX CONCURRENTLY instance_events_at_idx ON instance_events (at);
