//! Why a claim fails.

use std::time::Duration;

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::{InstanceId, PoolName};
use agent_pool_service_kit::db::DbError;
use agent_pool_service_kit::supervisor::TaskFailed;

use super::step::StepError;
use super::verdict::{Fate, Next};
use crate::db::problem_code;

/// How a claim ended without an agent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClaimError {
    #[error(
        "pool {0} has no idle instance: try again in a few seconds; its page and /api/pool/explain/pool/{0} show why"
    )]
    NoIdle(PoolName),
    #[error("there is no pool {0}: see /api/pool/pools")]
    UnknownPool(PoolName),
    #[error("ttlSeconds: the policy of pool {pool} allows no more than {most}")]
    TtlTooLong { pool: PoolName, most: u32 },
    #[error("the service is shutting down: try again in a few seconds")]
    ShuttingDown,
    #[error("the client hung up while the claim waited")]
    HungUp,
    #[error("the Idempotency-Key was used for a claim with another body: use a new key")]
    KeyReused,
    /// The failure of another run of the same key or request.
    #[error("{}", .0.detail)]
    Repeated(Box<Problem>),
    #[error("another replica has taken over the claim")]
    Superseded,
    #[error("the claim did not finish within {} ms (CLAIM_TIMEOUT_MS)", .0.as_millis())]
    TimedOut(Duration),
    #[error("Services is not available; instance {id} {}", .fate.outcome())]
    ServicesUnavailable {
        id: InstanceId,
        fate: Fate,
        source: StepError,
    },
    #[error("Services refused the claim; instance {id} {}", .fate.outcome())]
    ServicesRefused {
        id: InstanceId,
        fate: Fate,
        source: StepError,
    },
    #[error("the runtime of instance {id} refused the agent")]
    RuntimeRefused { id: InstanceId, source: StepError },
    #[error("joinUrl: {0}")]
    UnusableLink(String),
    #[error("the conversation of joinUrl could not be joined")]
    JoinFailed { source: StepError },
    #[error(
        "the agent was not accepted into the conversation in time; its instance {0} is given up"
    )]
    NotAccepted(InstanceId),
    #[error("instance {id} failed, and no other instance was left to try")]
    Failed { id: InstanceId, source: StepError },
    #[error(transparent)]
    Database(#[from] DbError),
    #[error("the claim was aborted by an internal error")]
    Aborted(#[source] TaskFailed),
}

impl ClaimError {
    /// The error of an attempt that failed.
    pub(super) fn from_attempt(id: &InstanceId, fate: Fate, next: Next, source: StepError) -> Self {
        let id = id.clone();
        match (next, source) {
            (_, StepError::Database(error)) => Self::Database(error),
            (Next::ServicesUnavailable, source) => Self::ServicesUnavailable { id, fate, source },
            (Next::ServicesRefused, source) => Self::ServicesRefused { id, fate, source },
            (Next::RuntimeRefused, source) => Self::RuntimeRefused { id, source },
            (Next::JoinFailed, source) => Self::JoinFailed { source },
            (Next::Superseded, _) => Self::Superseded,
            (Next::PassOver | Next::MoveOn | Next::Unfit | Next::DatabaseFailed, source) => {
                Self::Failed { id, source }
            }
        }
    }

    /// The stable code in problems and metrics.
    pub(crate) fn code(&self) -> ProblemCode {
        match self {
            Self::NoIdle(_) => ProblemCode::NoIdleInstance,
            Self::UnknownPool(_) => ProblemCode::UnknownPool,
            Self::ShuttingDown => ProblemCode::ShuttingDown,
            Self::HungUp => ProblemCode::HungUp,
            Self::KeyReused => ProblemCode::IdempotencyKeyReused,
            Self::Repeated(problem) => problem.code.clone(),
            Self::Superseded => ProblemCode::Superseded,
            Self::TimedOut(_) => ProblemCode::ClaimTimedOut,
            Self::ServicesUnavailable { .. } => ProblemCode::ServicesUnavailable,
            Self::ServicesRefused { .. } => ProblemCode::ServicesRefused,
            Self::RuntimeRefused { .. } => ProblemCode::RuntimeRefused,
            Self::UnusableLink(_) | Self::TtlTooLong { .. } => ProblemCode::InvalidField,
            Self::JoinFailed { .. } | Self::NotAccepted(_) => ProblemCode::JoinFailed,
            Self::Failed { .. } => ProblemCode::ClaimFailed,
            Self::Database(error) => problem_code(error),
            Self::Aborted(_) => ProblemCode::InternalError,
        }
    }
}
