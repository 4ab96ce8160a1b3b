DROP INDEX instance_events_at_idx;
