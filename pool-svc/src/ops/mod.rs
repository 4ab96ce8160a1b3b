//! What the pool does to instances: making them, removing them, and settling what fell between.

pub(crate) mod adopt;
pub(crate) mod backoff;
pub(crate) mod destruction;
pub(crate) mod drain;
pub(crate) mod end_agents;
pub(crate) mod instance_tools;
pub(crate) mod patience;
pub(crate) mod protect;
pub(crate) mod recover;
pub(crate) mod recycle;
pub(crate) mod replenish;
pub(crate) mod reseal;
pub(crate) mod settle;
pub(crate) mod warm_up;
