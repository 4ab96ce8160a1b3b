-- Since when a resource that is gone at its vendor is being made again. NULL: it is not.
ALTER TABLE instance_services ADD COLUMN repairing_at timestamptz;
