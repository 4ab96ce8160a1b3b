//! A pool as it is stored.

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::{PoolSpec, Sizing};
use chrono::{DateTime, Utc};

use crate::db::cost_sums::Spending;

/// A pool with its version.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Definition {
    pub(crate) name: PoolName,
    pub(crate) spec: PoolSpec,
    /// 0 for the pool `default` without a row.
    pub(crate) version: u32,
    pub(crate) changed_by: Option<String>,
    pub(crate) changed_at: Option<DateTime<Utc>>,
    /// The latest decision about its target, if it has an objective and one was made.
    pub(crate) sizing: Option<Sizing>,
    /// The amount spent, if it has a budget.
    pub(crate) spending: Spending,
}

impl Definition {
    /// The pool `default` as the settings alone describe it.
    pub(crate) fn of_settings() -> Self {
        Self {
            name: PoolName::default(),
            spec: PoolSpec::default(),
            version: 0,
            changed_by: None,
            changed_at: None,
            sizing: None,
            spending: Spending::default(),
        }
    }
}
