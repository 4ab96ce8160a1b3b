-- Time of a resource that was given back and is there again: that of now is computed anew, this is not.
-- The rule only gains a kind, so that no row has to be read again.
-- squawk-ignore ban-drop-constraint
ALTER TABLE cost_ledger DROP CONSTRAINT cost_ledger_kind_check;
ALTER TABLE cost_ledger ADD CONSTRAINT cost_ledger_kind_check CHECK (kind IN ('time', 'past', 'once', 'usage')) NOT VALID;
