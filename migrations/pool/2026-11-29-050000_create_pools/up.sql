-- What people have declared. The pool `default` has a row only if it differs from what the settings say.
CREATE TABLE pools (
    name text PRIMARY KEY,
    recipe jsonb NOT NULL,
    policy jsonb NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    changed_by text,
    changed_at timestamptz NOT NULL DEFAULT now(),
    -- What POOLS_FILE said when it was last applied. A change by API lasts until the file says something else.
    declared jsonb
);

-- Every version of every pool, also of deleted ones: where recipe and policy are null, it was deleted.
CREATE TABLE pool_versions (
    name text NOT NULL,
    version integer NOT NULL,
    recipe jsonb,
    policy jsonb,
    changed_by text,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, version)
);
