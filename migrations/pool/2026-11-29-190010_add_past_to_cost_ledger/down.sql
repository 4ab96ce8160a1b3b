DELETE FROM cost_ledger WHERE kind = 'past';
ALTER TABLE cost_ledger DROP CONSTRAINT cost_ledger_kind_check;
ALTER TABLE cost_ledger ADD CONSTRAINT cost_ledger_kind_check CHECK (kind IN ('time', 'once', 'usage'));
