-- Why, with the numbers of that moment. A transaction that decides for a reason sets agent_pool.reason, and whatever
-- it writes into the log has it. Null: the cause says it all, or an event before this column.
ALTER TABLE instance_events ADD COLUMN reason text;
ALTER TABLE instance_events ALTER COLUMN reason SET DEFAULT nullif(current_setting('agent_pool.reason', true), '');
