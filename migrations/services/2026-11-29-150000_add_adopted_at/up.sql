-- When it was taken over from the Node.js original, which named it at its vendor in another way than we do: no listing
-- has it. NULL: we made it.
ALTER TABLE instance_infra ADD COLUMN adopted_at timestamptz;
ALTER TABLE instance_services ADD COLUMN adopted_at timestamptz;
