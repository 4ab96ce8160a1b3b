-- What the resources of instances cost while they exist. A resource is named by its provider.
CREATE TABLE instance_costs (
    instance_id text NOT NULL,
    resource text NOT NULL,
    pool text NOT NULL,
    per_hour_micros bigint NOT NULL CHECK (per_hour_micros >= 0),
    since timestamptz NOT NULL,
    -- From the lifecycle log, whose entries are pruned earlier.
    idle_at timestamptz,
    claimed_at timestamptz,
    ended_at timestamptz,
    -- Until when the ledger has it.
    charged_until timestamptz NOT NULL,
    -- What the vendor last reported as used.
    used_micros bigint NOT NULL DEFAULT 0,
    settled boolean NOT NULL DEFAULT false,
    PRIMARY KEY (instance_id, resource)
);
CREATE INDEX instance_costs_settled_idx ON instance_costs (instance_id) WHERE NOT settled;

-- Money in millionths of a US dollar, by day in UTC.
CREATE TABLE cost_ledger (
    day date NOT NULL,
    instance_id text NOT NULL,
    resource text NOT NULL,
    spent_on text NOT NULL CHECK (spent_on IN ('idle', 'agent', 'failed')),
    kind text NOT NULL CHECK (kind IN ('time', 'once', 'usage')),
    pool text NOT NULL,
    micros bigint NOT NULL CHECK (micros >= 0),
    PRIMARY KEY (day, instance_id, resource, spent_on, kind)
);
CREATE INDEX cost_ledger_instance_id_idx ON cost_ledger (instance_id);

-- Sums of the ledger, so that budgets are checked without adding it up each time.
CREATE TABLE pool_spending (
    pool text PRIMARY KEY,
    day date NOT NULL,
    day_micros bigint NOT NULL,
    month_micros bigint NOT NULL
);
