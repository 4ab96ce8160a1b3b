DROP TRIGGER instance_events_webhook ON instance_events;
CREATE TRIGGER instance_events_webhook AFTER INSERT ON instance_events
    FOR EACH ROW WHEN (NEW.to_status IN ('claimed', 'crashed'))
    EXECUTE FUNCTION raise_instance_webhook();
ALTER TABLE pool_creation_failures DROP COLUMN stopped_at;
ALTER TABLE instances DROP COLUMN end_warned_at, DROP COLUMN active_at, DROP COLUMN protected;
