//! What became of what a failed operation had made.

use std::fmt;

use agent_pool_core::{InstanceId, chain};
use agent_pool_service_kit::db::DbError;
use tracing::warn;

use super::tear_down::{Leftover, TornDown};

/// How far the undo came.
#[derive(Debug)]
pub(crate) enum Undo {
    /// Nothing is left.
    Complete,
    /// These are left, marked.
    Partial(Vec<Leftover>),
    /// The rows could not be read: all may be left.
    Unknown,
}

impl Undo {
    /// An undo is a destruction.
    pub(crate) fn of(instance: &InstanceId, destruction: Result<TornDown, DbError>) -> Self {
        match destruction {
            Ok(TornDown::Gone(_) | TornDown::Unknown) => Self::Complete,
            Ok(TornDown::Partly(left)) => Self::Partial(left),
            Err(error) => {
                warn!(
                    instance.id = %instance,
                    error.chain = chain(&error),
                    "the undo of instance {instance} did not begin"
                );
                Self::Unknown
            }
        }
    }
}

impl fmt::Display for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("what was made of it is undone"),
            Self::Partial(left) => {
                let names: Vec<&str> = left.iter().map(|one| one.provider.as_str()).collect();
                let names = names.join(", ");
                write!(
                    f,
                    "what could not be undone ({names}) awaits DELETE /destroy"
                )
            }
            Self::Unknown => f.write_str("what was made of it awaits DELETE /destroy"),
        }
    }
}
