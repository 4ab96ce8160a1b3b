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
CREATE OR REPLACE FUNCTION raise_instance_webhook() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.from_status = NEW.to_status THEN
        RETURN NULL;
    END IF;
    PERFORM raise_webhook(
        'instance.' || NEW.to_status,
        jsonb_build_object(
            'instanceId', NEW.instance_id, 'pool', coalesce(NEW.pool, 'default'), 'cause', NEW.cause, 'eventId', NEW.id));
    RETURN NULL;
END
$$;
