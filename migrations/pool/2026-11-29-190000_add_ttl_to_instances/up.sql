-- How long after its claim the agent is ended, as its claim says. NULL: as the policy of the pool says.
ALTER TABLE instances ADD COLUMN ttl_seconds integer CHECK (ttl_seconds > 0);
