//! What instances are sorted by.

use std::cmp::Reverse;

use agent_pool_core::wire::pool::InstanceView;
use clap::ValueEnum;

/// What instances are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Sort {
    /// The newest first
    #[default]
    Age,
    /// In the order of a life
    Status,
    /// By the agent's name
    Agent,
    /// Those that answered longest ago first
    Health,
}

impl Sort {
    /// The word that the command line has for it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Status => "status",
            Self::Agent => "agent",
            Self::Health => "health",
        }
    }

    /// The one after it, round and round.
    pub(crate) const fn next(self) -> Self {
        match self {
            Self::Age => Self::Status,
            Self::Status => Self::Agent,
            Self::Agent => Self::Health,
            Self::Health => Self::Age,
        }
    }

    /// Sorts, those that are alike by age.
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
