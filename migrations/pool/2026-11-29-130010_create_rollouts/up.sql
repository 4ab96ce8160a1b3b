-- Replacements of the idle instances of a pool by those of another recipe.
CREATE TABLE rollouts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pool text NOT NULL,
    from_recipe text NOT NULL,
    to_recipe text NOT NULL,
    state text NOT NULL CHECK (state IN ('canary', 'rolling', 'stopped', 'superseded', 'done')),
    -- Why it is stopped, or what it waits for.
    cause text,
    canary text,
    replaced integer NOT NULL DEFAULT 0,
    -- Who asked for its latest change; null if the pool did it on its own.
    changed_by text,
    begun_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX rollouts_pool_idx ON rollouts (pool) WHERE state IN ('canary', 'rolling');
CREATE INDEX rollouts_pool_id_idx ON rollouts (pool, id);
