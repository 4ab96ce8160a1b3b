-- Every claim writes such an entry, and most deployments have no endpoint: nothing is put together for nobody.
CREATE OR REPLACE FUNCTION raise_instance_webhook() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.from_status IS DISTINCT FROM NEW.to_status
        AND EXISTS (SELECT FROM webhook_endpoints WHERE disabled_at IS NULL)
    THEN
        PERFORM raise_webhook(
            'instance.' || NEW.to_status,
            jsonb_build_object(
                'instanceId', NEW.instance_id, 'pool', coalesce(NEW.pool, 'default'), 'cause', NEW.cause, 'eventId', NEW.id));
    END IF;
    RETURN NULL;
END
$$;
