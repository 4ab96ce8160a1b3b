//! Operations on instances outside claims and ticks.

pub(crate) mod adopt;
pub(crate) mod call_retry;
pub(crate) mod destruction;
pub(crate) mod drain;
pub(crate) mod end_agents;
pub(crate) mod failure_cause;
pub(crate) mod instance_tools;
pub(crate) mod operations;
pub(crate) mod protect;
pub(crate) mod recover;
pub(crate) mod recycle;
pub(crate) mod replenish;
pub(crate) mod reseal;
pub(crate) mod settle;
pub(crate) mod warm_up;
