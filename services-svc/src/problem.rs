//! Every error of this service as the problem that a caller sees. Codes are API.

use std::time::Duration;

use agent_pool_core::registry::LookupError;
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::{ErrorKind, ProviderError, chain};
use agent_pool_service_kit::db::DbError;
use agent_pool_service_kit::supervisor::TaskFailed;
use tracing::error;

use crate::ops::create::CreateError;
use crate::ops::destroy::DestroyError;
use crate::ops::destroy_tool::DestroyToolError;
use crate::ops::instance::InstanceError;
use crate::ops::local_tools::ProvisionLocalError;
use crate::ops::precondition::PreconditionError;
use crate::ops::provision_tool::ProvisionError;
use crate::ops::requested_tools::UnavailableTool;
use crate::ops::running::RunningError;
use crate::ops::step_error::StepError;
use crate::ops::sweep::SweepError;
use crate::ops::tear_down::Leftover;
use crate::ops::tear_down::Undo;

/// When to try again what failed for a reason that passes.
const SOON: Duration = Duration::from_secs(5);

pub(crate) fn precondition(error: &PreconditionError) -> Problem {
    let detail = error.to_string();
    match error {
        PreconditionError::Unknown(_) => Problem::new(404, "unknown_instance", detail),
        PreconditionError::Busy(_) => {
            Problem::new(409, "instance_busy", detail).with_retry_after(SOON)
        }
        PreconditionError::Destroying(_) => Problem::new(409, "instance_destroying", detail),
        PreconditionError::Unfinished(_) => Problem::new(409, "instance_unfinished", detail),
    }
}

/// The supervisor has logged the cause.
pub(crate) fn task_failed(failed: &TaskFailed) -> Problem {
    let detail = format!("the operation failed: see the log for task {}", failed.task);
    Problem::new(500, "internal_error", detail)
}

pub(crate) fn lookup(error: &LookupError) -> Problem {
    let detail = error.to_string();
    match error {
        LookupError::Unknown { kind: "tool", .. } => Problem::new(400, "unknown_tool", detail),
        LookupError::Unknown { .. } => Problem::new(400, "unknown_infra", detail),
        LookupError::Unconfigured { id, .. } => {
            Problem::new(422, "provider_unconfigured", detail).with_provider(id)
        }
        LookupError::Clash(_) => Problem::new(409, "tools_clash", detail),
    }
}

/// The cause goes to the log alone: it may hold the database's address.
pub(crate) fn database(error: &DbError) -> Problem {
    error!(error.chain = chain(error), "the database failed");
    match error {
        DbError::Unreachable(_) | DbError::Exhausted(_) => {
            let detail = "the database of Services is not available";
            Problem::new(503, "database_unavailable", detail).with_retry_after(SOON)
        }
        DbError::Query(_) | DbError::Migration(_) => {
            let detail = "the database of Services refused a statement: see the log";
            Problem::new(500, "database_failed", detail)
        }
        DbError::CorruptRow { .. } => Problem::new(500, "corrupt_row", error.to_string()),
    }
}

/// A vendor's refusal is our misconfiguration or its state, never our caller's fault.
pub(crate) fn provider(error: &ProviderError) -> Problem {
    let (status, code) = match error.kind() {
        ErrorKind::Unauthorized => (502, "vendor_unauthorized"),
        ErrorKind::Forbidden => (502, "vendor_refused"),
        ErrorKind::NotFound => (502, "vendor_not_found"),
        ErrorKind::Conflict => (503, "vendor_conflict"),
        ErrorKind::Invalid => (502, "vendor_invalid"),
        ErrorKind::RateLimited => (503, "vendor_rate_limited"),
        ErrorKind::Unavailable => (503, "vendor_unavailable"),
        ErrorKind::Protocol => (502, "vendor_protocol"),
        ErrorKind::Unsupported => (501, "unsupported"),
        ErrorKind::Defect => (500, "provider_defect"),
    };
    let mut problem = Problem::new(status, code, error.to_string());
    problem.provider = error.provider().map(str::to_owned);
    if status == 503 {
        problem.with_retry_after(error.retry_after().unwrap_or(SOON))
    } else {
        problem
    }
}

pub(crate) fn step(error: &StepError) -> Problem {
    match error {
        StepError::Provider(error) => provider(error),
        StepError::Lookup(error) => lookup(error),
        StepError::Database(error) => database(error),
        StepError::RowGone(error) => Problem::new(409, "instance_gone", error.to_string()),
        StepError::Cipher(error) => Problem::new(500, "secret_unreadable", error.to_string()),
    }
}

impl From<CreateError> for Problem {
    fn from(error: CreateError) -> Self {
        match &error {
            CreateError::Tool(source) => unavailable(source),
            CreateError::Infra(source) => lookup(source),
            CreateError::Precondition(source) => precondition(source),
            CreateError::OtherTools { .. } => Self::new(409, "other_tools", error.to_string()),
            CreateError::Failed { failure, undo, .. } => {
                let cause = step(&failure.cause);
                let detail = format!("{failure}: {}; {error}{}", cause.detail, still(undo));
                retold(cause, detail)
            }
            CreateError::Database(source) => database(source),
        }
    }
}

impl From<ProvisionLocalError> for Problem {
    fn from(error: ProvisionLocalError) -> Self {
        match &error {
            ProvisionLocalError::Tool(source) => unavailable(source),
            ProvisionLocalError::NoTools => {
                Self::new(400, "invalid_field", error.to_string()).with_field("tools")
            }
            ProvisionLocalError::Failed { cause, undo, .. } => {
                let cause = step(cause);
                let detail = format!("{}; {error}{}", cause.detail, still(undo));
                retold(cause, detail)
            }
            ProvisionLocalError::Database(source) => database(source),
        }
    }
}

impl From<DestroyError> for Problem {
    fn from(error: DestroyError) -> Self {
        match &error {
            DestroyError::Precondition(source) => precondition(source),
            DestroyError::Incomplete { left, .. } => incomplete(
                left,
                format!("{error}: repeat the call; left are {}", each(left)),
            ),
            DestroyError::Database(source) => database(source),
        }
    }
}

impl From<InstanceError> for Problem {
    fn from(error: InstanceError) -> Self {
        match &error {
            InstanceError::Precondition(source) => precondition(source),
            InstanceError::Database(source) => database(source),
        }
    }
}

impl From<RunningError> for Problem {
    fn from(error: RunningError) -> Self {
        match &error {
            RunningError::Precondition(source) => precondition(source),
            RunningError::Step(source) => step(source),
        }
    }
}

impl From<SweepError> for Problem {
    fn from(error: SweepError) -> Self {
        match &error {
            SweepError::Running => {
                Self::new(409, "sweep_running", error.to_string()).with_retry_after(SOON)
            }
            SweepError::Database(source) => database(source),
        }
    }
}

impl From<ProvisionError> for Problem {
    fn from(error: ProvisionError) -> Self {
        match &error {
            ProvisionError::Tool(source) => lookup(source),
            ProvisionError::Precondition(source) => precondition(source),
            ProvisionError::AlreadyProvisioned { .. } => {
                Self::new(409, "already_provisioned", error.to_string())
            }
            ProvisionError::Step(source) => step(source),
        }
    }
}

impl From<DestroyToolError> for Problem {
    fn from(error: DestroyToolError) -> Self {
        match &error {
            DestroyToolError::Precondition(source) => precondition(source),
            DestroyToolError::UnknownResource(_) => {
                Self::new(404, "unknown_resource", error.to_string())
            }
            DestroyToolError::Step(source) => step(source),
        }
    }
}

fn unavailable(error: &UnavailableTool) -> Problem {
    lookup(&error.source).with_field(format!("tools[{}]", error.index))
}

/// What an undo left, to follow what it was the undo of.
fn still(undo: &Undo) -> String {
    match undo {
        Undo::Complete | Undo::NotStarted => String::new(),
        Undo::Partial(left) => format!("; left are {}", each(left)),
    }
}

/// 503 where trying again may help, 502 where somebody has to mend something first.
fn incomplete(left: &[Leftover], detail: String) -> Problem {
    let waits = left.iter().filter_map(|one| step(&one.cause).retry_after);
    match waits.max() {
        Some(wait) => Problem::new(503, "destroy_incomplete", detail).with_retry_after(wait),
        None => Problem::new(502, "destroy_incomplete", detail),
    }
}

/// The same problem with more around its detail.
fn retold(problem: Problem, detail: String) -> Problem {
    let retold = Problem::new(problem.status, &problem.code, detail);
    Problem {
        field: problem.field,
        provider: problem.provider,
        retry_after: problem.retry_after,
        ..retold
    }
}

/// Each of what is left, with why.
fn each<'a>(left: impl IntoIterator<Item = &'a Leftover>) -> String {
    let each = left
        .into_iter()
        .map(|one| format!("{} ({})", one.provider, step(&one.cause).detail));
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
