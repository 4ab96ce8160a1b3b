//! What pools cost. Services tells the prices of what it creates, and what was used; the lifecycle log tells for how long
//! and for whom. A tick brings the ledger up to date (see [`costs`](crate::db::costs)), and with it the budgets.

mod charge;
mod report;
mod usage;

pub(crate) use charge::charge;
pub(crate) use report::{LONGEST_DAYS, report};
pub(crate) use usage::keep_reading_usage;
