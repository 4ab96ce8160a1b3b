ALTER TABLE instances
    -- A person keeps it: it is never claimed, drained, replaced or killed.
    ADD COLUMN protected boolean NOT NULL DEFAULT false,
    -- When the agent last did something, as its runtime reports it.
    ADD COLUMN active_at timestamptz,
    -- Since when it is known that the agent is about to be ended.
    ADD COLUMN end_warned_at timestamptz;
-- Since when creations are stopped because of this cause, except for a probe at retry_at.
ALTER TABLE pool_creation_failures ADD COLUMN stopped_at timestamptz;

-- An entry of the log that moves nothing, such as a warning, is no claim and no crash.
DROP TRIGGER instance_events_webhook ON instance_events;
CREATE TRIGGER instance_events_webhook AFTER INSERT ON instance_events
    FOR EACH ROW WHEN (NEW.to_status IN ('claimed', 'crashed') AND NEW.from_status IS DISTINCT FROM NEW.to_status)
    EXECUTE FUNCTION raise_instance_webhook();
