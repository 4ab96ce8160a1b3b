DROP TABLE pool_spending;
DROP TABLE cost_ledger;
DROP TABLE instance_costs;
