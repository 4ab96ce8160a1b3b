DROP TABLE instance_events;
