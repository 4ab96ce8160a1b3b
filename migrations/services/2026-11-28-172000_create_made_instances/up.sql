-- Every instance that this deployment ever began to make. What bears the mark of our environment and is not in here
-- was made by another deployment with the same name: a sweep leaves it alone.
CREATE TABLE made_instances (
    instance_id text PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO made_instances (instance_id)
SELECT instance_id FROM instance_infra
UNION
SELECT instance_id FROM local_grants;

-- A trigger, so that no row comes without its record, in one transaction.
CREATE FUNCTION record_made_instance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO made_instances (instance_id) VALUES (NEW.instance_id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;

CREATE TRIGGER record_made_instance AFTER INSERT ON instance_infra
FOR EACH ROW EXECUTE FUNCTION record_made_instance();

CREATE TRIGGER record_made_instance AFTER INSERT ON local_grants
FOR EACH ROW EXECUTE FUNCTION record_made_instance();

-- Has a row once this deployment found its environment unused at an infra, or had instances before.
CREATE TABLE confirmed_infras (
    infra_id text PRIMARY KEY,
    confirmed_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO confirmed_infras (infra_id)
SELECT DISTINCT provider FROM instance_infra;
