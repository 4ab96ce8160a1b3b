//! Sort orders of instances.

use std::cmp::Reverse;

use agent_pool_core::wire::pool::InstanceView;
use clap::ValueEnum;

/// A sort order of instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Sort {
    /// Newest first
    #[default]
    Age,
    /// Lifecycle order
    Status,
    /// Agent name
    Agent,
    /// Longest without a successful health check first
    Health,
}

impl Sort {
    /// Its name on the command line.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Status => "status",
            Self::Agent => "agent",
            Self::Health => "health",
        }
    }

    /// The next order; the first after the last.
    pub(crate) const fn next(self) -> Self {
        match self {
            Self::Age => Self::Status,
            Self::Status => Self::Agent,
            Self::Agent => Self::Health,
            Self::Health => Self::Age,
        }
    }

    /// Sorts the instances; equal ones by age.
    pub(crate) fn apply(self, found: &mut [&InstanceView]) {
        found.sort_by_key(|it| Reverse(it.created_at));
        match self {
            Self::Age => {}
            Self::Status => found.sort_by_key(|it| it.status),
            Self::Agent => found.sort_by_key(|it| (it.agent_name.is_none(), it.agent_name.clone())),
            Self::Health => found.sort_by_key(|it| it.last_healthy_at),
        }
    }
}
