-- Who is notified. The URL and the secret are sealed if POOL_ENCRYPTION_KEY is set.
CREATE TABLE webhook_endpoints (
    id text PRIMARY KEY,
    url text NOT NULL,
    secret text NOT NULL,
    -- Empty: every event.
    events text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz
);

-- What happened, as it is sent. A message is written in the transaction of its event.
CREATE TABLE webhook_messages (
    id text PRIMARY KEY,
    event text NOT NULL,
    body text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX webhook_messages_at_idx ON webhook_messages (at);

-- One message to one endpoint. It has no foreign key to the endpoint: an endpoint that is deleted meanwhile must not
-- make the claim fail that raised the event.
CREATE TABLE webhook_deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id text NOT NULL REFERENCES webhook_messages ON DELETE CASCADE,
    endpoint_id text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    -- When to send it next. While it is being sent: when another replica may. NULL: delivered, or given up.
    due_at timestamptz DEFAULT now(),
    attempted_at timestamptz,
    delivered_at timestamptz,
    status integer,
    error text
);
CREATE INDEX webhook_deliveries_endpoint_id_due_at_idx ON webhook_deliveries (endpoint_id, due_at)
    WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_message_id_idx ON webhook_deliveries (message_id);

-- Conditions that were reported and still hold, so that each is reported once.
CREATE TABLE webhook_conditions (
    name text PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT now()
);

-- Writes a message and its deliveries, if any endpoint wants it.
CREATE FUNCTION raise_webhook(event_name text, event_data jsonb) RETURNS void LANGUAGE sql AS $$
    WITH wanted AS (
        SELECT id FROM webhook_endpoints
        WHERE disabled_at IS NULL AND (events = '{}' OR event_name = ANY (events))
    ), message AS (
        INSERT INTO webhook_messages (id, event, body)
        SELECT 'msg_' || replace(gen_random_uuid()::text, '-', ''), event_name,
               json_build_object(
                   'type', event_name,
                   'timestamp', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                   'data', event_data)::text
        WHERE EXISTS (SELECT FROM wanted)
        RETURNING id
    )
    INSERT INTO webhook_deliveries (message_id, endpoint_id)
    SELECT message.id, wanted.id FROM message, wanted
$$;

-- The lifecycle log raises its own events, so that no statement that moves an instance can forget to.
CREATE FUNCTION raise_instance_webhook() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM raise_webhook(
        'instance.' || NEW.to_status,
        jsonb_build_object(
            'instanceId', NEW.instance_id, 'pool', coalesce(NEW.pool, 'default'), 'cause', NEW.cause, 'eventId', NEW.id));
    RETURN NULL;
END
$$;
CREATE TRIGGER instance_events_webhook AFTER INSERT ON instance_events
    FOR EACH ROW WHEN (NEW.to_status IN ('claimed', 'crashed'))
    EXECUTE FUNCTION raise_instance_webhook();
