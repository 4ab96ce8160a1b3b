//! What pools cost. Services reports the prices of what it creates and the usage of tools; the lifecycle log says for
//! how long and for whom a resource existed. A tick brings the ledger and the budgets up to date (see
//! [`costs`](crate::db::costs)).

mod charge;
mod report;
mod usage;

pub(crate) use charge::{BudgetGauges, budget_gauges, charge};
pub(crate) use report::report;
pub(crate) use usage::{keep_reading_usage, read_last};
