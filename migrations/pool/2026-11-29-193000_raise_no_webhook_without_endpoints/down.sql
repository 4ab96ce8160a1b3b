-- As before: an entry about a tool leaves the instance in its status, and raises nothing.
CREATE OR REPLACE FUNCTION raise_instance_webhook() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.from_status IS DISTINCT FROM NEW.to_status THEN
        PERFORM raise_webhook(
            'instance.' || NEW.to_status,
            jsonb_build_object(
                'instanceId', NEW.instance_id, 'pool', coalesce(NEW.pool, 'default'), 'cause', NEW.cause, 'eventId', NEW.id));
    END IF;
    RETURN NULL;
END
$$;
