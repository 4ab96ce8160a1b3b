DROP TRIGGER instance_events_webhook ON instance_events;
DROP FUNCTION raise_instance_webhook();
DROP FUNCTION raise_webhook(text, jsonb);
DROP TABLE webhook_conditions;
DROP TABLE webhook_deliveries;
DROP TABLE webhook_messages;
DROP TABLE webhook_endpoints;
