CREATE OR REPLACE FUNCTION raise_instance_webhook() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM raise_webhook(
        'instance.' || NEW.to_status,
        jsonb_build_object(
            'instanceId', NEW.instance_id, 'pool', coalesce(NEW.pool, 'default'), 'cause', NEW.cause, 'eventId', NEW.id));
    RETURN NULL;
END
$$;
ALTER TABLE pool_creation_failures DROP COLUMN stopped_at;
ALTER TABLE instances DROP COLUMN end_warned_at, DROP COLUMN active_at, DROP COLUMN protected;
