-- Since when a tool that was added to an instance is made, without its variables being set there. NULL: they are.
ALTER TABLE instance_services ADD COLUMN unset_since timestamptz;
