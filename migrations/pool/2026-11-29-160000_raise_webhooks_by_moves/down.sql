CREATE OR REPLACE FUNCTION raise_instance_webhook() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM raise_webhook(
        'instance.' || NEW.to_status,
        jsonb_build_object(
            'instanceId', NEW.instance_id, 'pool', coalesce(NEW.pool, 'default'), 'cause', NEW.cause, 'eventId', NEW.id));
    RETURN NULL;
END
$$;
