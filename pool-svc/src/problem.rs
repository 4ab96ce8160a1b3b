//! Maps every error of this service to a [`Problem`]. No other place knows their HTTP status.

use std::fmt::Display;
use std::time::Duration;

use agent_pool_client::CallError;
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::{InstanceId, PoolName, chain};
use agent_pool_service_kit::db::DbError;
use tracing::{error, warn};

use crate::claim::ClaimError;
use crate::db::problem_code;
use crate::ops::destruction::CondemnError;
use crate::ops::protect::ProtectError;
use crate::pools::change::ChangeError;
use crate::rollout::RolloutError;
use crate::tick::TickError;
use crate::upgrades::UpgradeError;

/// Retry-After of claims that found no idle instance: a creation takes at least that long.
const SOON: Duration = Duration::from_secs(5);

impl From<ClaimError> for Problem {
    fn from(error: ClaimError) -> Self {
        let code = error.code();
        // A claim logs its own failure.
        match error {
            ClaimError::Repeated(problem) => *problem,
            ClaimError::KeyReused | ClaimError::TimedOut(_) | ClaimError::Aborted(_) => {
                Self::new(code, error.to_string())
            }
            ClaimError::NoIdle(_)
            | ClaimError::ShuttingDown
            | ClaimError::HungUp
            | ClaimError::Superseded => Self::new(code, error.to_string()).with_retry_after(SOON),
            ClaimError::ServicesUnavailable { .. } => {
                Self::new(code, chain(&error)).with_retry_after(SOON)
            }
            ClaimError::UnknownPool(pool) => unknown_pool(&pool),
            ClaimError::TtlTooLong { .. } => {
                Self::new(code, error.to_string()).with_field("ttlSeconds")
            }
            ClaimError::UnusableLink(_) | ClaimError::NotAccepted(_) => {
                Self::new(code, error.to_string()).with_field("joinUrl")
            }
            ClaimError::JoinFailed { .. } => Self::new(code, chain(&error)).with_field("joinUrl"),
            ClaimError::ServicesRefused { .. }
            | ClaimError::RuntimeRefused { .. }
            | ClaimError::Failed { .. } => Self::new(code, chain(&error)),
            ClaimError::Database(error) => database(&error),
        }
    }
}

impl From<CondemnError> for Problem {
    fn from(error: CondemnError) -> Self {
        match error {
            CondemnError::Unknown(_) => Self::new(ProblemCode::UnknownInstance, error.to_string()),
            CondemnError::NotCrashed { .. } => {
                Self::new(ProblemCode::NotCrashed, error.to_string())
            }
            CondemnError::Protected(_) => {
                Self::new(ProblemCode::InstanceProtected, error.to_string())
            }
            CondemnError::Database(error) => from_database(error),
        }
    }
}

impl From<ProtectError> for Problem {
    fn from(error: ProtectError) -> Self {
        match error {
            ProtectError::Unknown(_) => Self::new(ProblemCode::UnknownInstance, error.to_string()),
            ProtectError::Status { .. } => {
                Self::new(ProblemCode::NotProtectable, error.to_string())
            }
            ProtectError::Database(error) => from_database(error),
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        let detail = error.to_string();
        match error {
            ChangeError::Unknown(pool) => unknown_pool(&pool),
            ChangeError::Unfit(unfit) => {
                Self::new(ProblemCode::InvalidField, detail).with_field(unfit.field)
            }
            ChangeError::Changed { .. } => Self::new(ProblemCode::PoolChanged, detail),
            ChangeError::Default | ChangeError::InUse { .. } | ChangeError::Protected { .. } => {
                Self::new(ProblemCode::PoolInUse, detail)
            }
            ChangeError::Database(error) => from_database(error),
        }
    }
}

impl From<RolloutError> for Problem {
    fn from(error: RolloutError) -> Self {
        match error {
            RolloutError::NotStopped(_) | RolloutError::NotActive(_) => {
                Self::new(ProblemCode::NoRollout, error.to_string())
            }
            RolloutError::Database(error) => from_database(error),
        }
    }
}

impl From<UpgradeError> for Problem {
    fn from(error: UpgradeError) -> Self {
        let detail = error.to_string();
        let field =
            |name: &str| Self::new(ProblemCode::InvalidField, detail.clone()).with_field(name);
        match error {
            UpgradeError::NoInstances => field("instanceIds"),
            UpgradeError::Batch => field("batch"),
            UpgradeError::Unknown(_) => Self::new(ProblemCode::UnknownInstance, detail),
            UpgradeError::NotClaimed { .. } => Self::new(ProblemCode::NotClaimed, detail),
            UpgradeError::UnknownPool(pool) => unknown_pool(&pool),
            UpgradeError::Recipe(error) => from_services("asking for the recipe", &error),
            UpgradeError::Database(error) => from_database(error),
        }
    }
}

impl From<TickError> for Problem {
    fn from(error: TickError) -> Self {
        match error {
            TickError::TakenOver => {
                Self::new(ProblemCode::TickTakenOver, error.to_string()).with_retry_after(SOON)
            }
            TickError::Database(error) => from_database(error),
        }
    }
}

/// A database failure of a handler. Logged here, as nothing else logs it.
pub(crate) fn from_database(error: DbError) -> Problem {
    error!(error.chain = chain(&error), "a request failed: {error}");
    database(&error)
}

/// The database's own message is not shown: it names tables and may quote rows.
fn database(error: &DbError) -> Problem {
    let problem = Problem::new(problem_code(error), error.to_string());
    if error.is_transient() {
        problem.with_retry_after(SOON)
    } else {
        problem
    }
}

/// A failed call of Services on behalf of a person.
pub(crate) fn from_services(operation: &str, error: &CallError) -> Problem {
    warn!(error.chain = chain(error), "{operation} failed: {error}");
    let detail = format!("{operation} failed: {error}");
    match error {
        CallError::Unreachable { .. } | CallError::Broken { .. } => {
            Problem::new(ProblemCode::ServicesUnavailable, detail).with_retry_after(SOON)
        }
        CallError::TimedOut { .. } => Problem::new(ProblemCode::ServicesTimedOut, detail),
        CallError::Unreadable { .. } => Problem::new(ProblemCode::ServicesFailed, detail),
        // The problem of our request to Services also applies to the person's request.
        CallError::Refused { problem, .. }
            if matches!(problem.status, 404 | 409 | 422 | 501 | 503)
                || problem.code == ProblemCode::UnknownTool =>
        {
            Problem::new(problem.code.clone(), detail).with_status(problem.status)
        }
        CallError::Refused { .. } => Problem::new(ProblemCode::ServicesRefused, detail),
    }
}

/// The header `Idempotency-Key` is malformed.
pub(crate) fn bad_idempotency_key(problem: &str) -> Problem {
    let detail = format!("Idempotency-Key: {problem}");
    Problem::new(ProblemCode::InvalidIdempotencyKey, detail).with_field("Idempotency-Key")
}

/// A field has a wrong value.
pub(crate) fn invalid_field(field: &str, problem: impl Display) -> Problem {
    Problem::new(ProblemCode::InvalidField, format!("{field}: {problem}")).with_field(field)
}

/// There is no such pool.
pub(crate) fn unknown_pool(name: &PoolName) -> Problem {
    let detail = format!("there is no pool {name}: see /api/pool/pools");
    Problem::new(ProblemCode::UnknownPool, detail).with_field("pool")
}

/// There is no such instance.
pub(crate) fn unknown_instance(id: &InstanceId) -> Problem {
    let detail = format!("there is no instance {id}, or it no longer exists");
    Problem::new(ProblemCode::UnknownInstance, detail)
}

/// There is no such template.
pub(crate) fn unknown_template(slug: &str) -> Problem {
    let slug: String = slug.chars().take(64).collect();
    let detail = format!("there is no template {slug:?}: see /api/pool/templates");
    Problem::new(ProblemCode::UnknownTemplate, detail)
}

#[cfg(test)]
mod tests {
    use agent_pool_core::wire::pool::Status;
    use agent_pool_core::{InstanceId, PoolName};
    use agent_pool_service_kit::supervisor::TaskFailed;

    use super::*;
    use crate::claim::{Fate, StepError};

    fn step() -> StepError {
        StepError::Configure(timed_out())
    }

    fn timed_out() -> CallError {
        CallError::TimedOut {
            service: "Services",
            after: SOON,
        }
    }

    #[test]
    fn problems_with_a_persons_request_are_passed_on_and_faults_of_services_are_not() {
        let refused = |status| CallError::Refused {
            service: "Services",
            problem: Box::new(Problem::new("word".into(), "").with_status(status)),
        };
        let unreadable = CallError::Unreadable {
            service: "Services",
            url: Box::new("http://h".parse().unwrap()),
            reason: "x".to_owned(),
        };
        #[rustfmt::skip]
        let table = [
            (refused(404),                    404, "word"),
            (refused(409),                    409, "word"),
            (refused(401),                    502, "services_refused"),
            (refused(500),                    502, "services_refused"),
            (timed_out(),                     504, "services_timed_out"),
            (unreadable,                      502, "services_failed"),
        ];
        for (error, status, code) in table {
            let problem = from_services("the sweep", &error);
            assert_eq!((problem.status, problem.code.as_str()), (status, code));
            assert!(problem.detail.starts_with("the sweep failed: "));
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a row for each error")]
    fn every_error_has_its_status_code_and_time() {
        let id = InstanceId::generate;
        let gone = || DbError::Unreachable("gone".into());
        let corrupt = || DbError::Query(diesel::result::Error::NotFound);
        let panic = TaskFailed {
            task: "claim",
            cause: "panicked".to_owned(),
        };
        let fate = Fate::Release;
        let unavailable = ClaimError::ServicesUnavailable {
            id: id(),
            fate,
            source: step(),
        };
        let refused = ClaimError::ServicesRefused {
            id: id(),
            fate,
            source: step(),
        };
        let refused_agent = ClaimError::RuntimeRefused {
            id: id(),
            source: step(),
        };
        let failed = ClaimError::Failed {
            id: id(),
            source: step(),
        };
        let idle = CondemnError::NotCrashed {
            id: id(),
            status: Status::Idle,
        };
        let starting = ProtectError::Status {
            id: id(),
            status: Status::Starting,
        };
        #[rustfmt::skip]
        let table: [(Problem, u16, &str, bool); 30] = [
            (ClaimError::NoIdle(PoolName::default()).into(), 503, "no_idle_instance",     true),
            (ClaimError::ShuttingDown.into(),        503, "shutting_down",        true),
            (ClaimError::HungUp.into(),              503, "hung_up",              true),
            (ClaimError::Superseded.into(),          503, "superseded",           true),
            (ClaimError::KeyReused.into(),           422, "idempotency_key_reused", false),
            (ClaimError::Repeated(Box::new(unknown_template("x"))).into(), 404, "unknown_template", false),
            (bad_idempotency_key("x"),               400, "invalid_idempotency_key", false),
            (ClaimError::TimedOut(SOON).into(),      504, "claim_timed_out",      false),
            (unavailable.into(),                     503, "services_unavailable", true),
            (refused.into(),                         502, "services_refused",     false),
            (refused_agent.into(),                   422, "runtime_refused",      false),
            (ClaimError::JoinFailed { source: step() }.into(), 422, "join_failed", false),
            (ClaimError::UnusableLink("x".to_owned()).into(), 400, "invalid_field", false),
            (ClaimError::UnknownPool(PoolName::default()).into(), 404, "unknown_pool", false),
            (ClaimError::TtlTooLong { pool: PoolName::default(), most: 9 }.into(), 400, "invalid_field", false),
            (failed.into(),                          502, "claim_failed",         false),
            (ClaimError::Database(gone()).into(),    503, "database_unavailable", true),
            (ClaimError::Database(corrupt()).into(), 500, "internal_error",       false),
            (panic.clone().into(),                   500, "internal_error",       false),
            (ClaimError::Aborted(panic).into(),      500, "internal_error",       false),
            (CondemnError::Unknown(id()).into(),     404, "unknown_instance",     false),
            (idle.into(),                            409, "not_crashed",          false),
            (CondemnError::Protected(id()).into(),   409, "instance_protected",   false),
            (CondemnError::Database(gone()).into(),  503, "database_unavailable", true),
            (ProtectError::Unknown(id()).into(),     404, "unknown_instance",     false),
            (starting.into(),                        409, "not_protectable",      false),
            (ProtectError::Database(gone()).into(),  503, "database_unavailable", true),
            (TickError::TakenOver.into(),            503, "tick_taken_over",      true),
            (TickError::Database(gone()).into(),     503, "database_unavailable", true),
            (unknown_template("x"),                  404, "unknown_template",     false),
        ];
        for (problem, status, code, timed) in table {
            assert_eq!((problem.status, problem.code.as_str()), (status, code));
            assert_eq!(problem.retry_after.is_some(), timed, "{code}");
        }
    }
}
