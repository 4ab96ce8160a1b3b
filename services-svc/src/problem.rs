//! Maps every error of this service to the problem that a caller sees. Codes are API.

use std::time::Duration;

use agent_pool_core::registry::LookupError;
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::{ErrorKind, ProviderError, chain};
use agent_pool_service_kit::db::DbError;
use tracing::error;

use crate::ops::create::CreateError;
use crate::ops::destroy::DestroyError;
use crate::ops::destroy_tool::DestroyToolError;
use crate::ops::ensure_tools::EnsureToolsError;
use crate::ops::instance::InstanceError;
use crate::ops::local_tools::ProvisionLocalError;
use crate::ops::precondition::PreconditionError;
use crate::ops::provision_tool::ProvisionError;
use crate::ops::recipe::RecipeError;
use crate::ops::requested_tools::UnavailableTool;
use crate::ops::running::RunningError;
use crate::ops::step_error::StepError;
use crate::ops::sweep::SweepError;
use crate::ops::tear_down::{Leftover, Undo};
use crate::ops::update_tool::UpdateToolError;
use crate::ops::upgrade::UpgradeError;

/// Retry-After of a temporary failure.
const SOON: Duration = Duration::from_secs(5);
/// Retry-After when a limit is reached.
const LATER: Duration = Duration::from_mins(5);

pub(crate) fn precondition(error: &PreconditionError) -> Problem {
    let detail = error.to_string();
    match error {
        PreconditionError::Unknown(_) => Problem::new(ProblemCode::UnknownInstance, detail),
        PreconditionError::Busy(_) => {
            Problem::new(ProblemCode::InstanceBusy, detail).with_retry_after(SOON)
        }
        PreconditionError::Destroying(_) => Problem::new(ProblemCode::InstanceDestroying, detail),
        PreconditionError::Unfinished(_) => Problem::new(ProblemCode::InstanceUnfinished, detail),
    }
}

pub(crate) fn lookup(error: &LookupError) -> Problem {
    let detail = error.to_string();
    match error {
        LookupError::Unknown { kind: "tool", .. } => Problem::new(ProblemCode::UnknownTool, detail),
        LookupError::Unknown { .. } => Problem::new(ProblemCode::UnknownInfra, detail),
        LookupError::Unconfigured { id, .. } => {
            Problem::new(ProblemCode::ProviderUnconfigured, detail).with_provider(id)
        }
        LookupError::Clash(_) => Problem::new(ProblemCode::ToolsClash, detail),
    }
}

/// The cause is only logged, because it may contain the database's address.
pub(crate) fn database(error: &DbError) -> Problem {
    error!(error.chain = chain(error), "the database failed");
    match error {
        DbError::Unreachable(_) | DbError::Exhausted(_) | DbError::Unwritable(_) => {
            let detail = "the database of Services is not available";
            Problem::new(ProblemCode::DatabaseUnavailable, detail).with_retry_after(SOON)
        }
        DbError::Query(_) | DbError::Migration(_) => {
            let detail = "the database of Services refused a statement: see the log";
            Problem::new(ProblemCode::InternalError, detail)
        }
        DbError::Secret(_) => Problem::new(ProblemCode::SecretUnreadable, error.to_string()),
        DbError::CorruptRow { .. } => Problem::new(ProblemCode::CorruptRow, error.to_string()),
    }
}

/// A vendor's refusal is our misconfiguration or its state, never our caller's fault.
pub(crate) fn provider(error: &ProviderError) -> Problem {
    let code = match error.kind() {
        ErrorKind::Unauthorized => ProblemCode::VendorUnauthorized,
        ErrorKind::Forbidden => ProblemCode::VendorRefused,
        ErrorKind::NotFound => ProblemCode::VendorNotFound,
        ErrorKind::Conflict => ProblemCode::VendorConflict,
        ErrorKind::Invalid => ProblemCode::VendorInvalid,
        ErrorKind::RateLimited => ProblemCode::VendorRateLimited,
        ErrorKind::Unavailable => ProblemCode::VendorUnavailable,
        ErrorKind::Protocol => ProblemCode::VendorProtocol,
        ErrorKind::Unsupported => ProblemCode::Unsupported,
        ErrorKind::Defect => ProblemCode::ProviderDefect,
    };
    let mut problem = Problem::new(code, error.to_string());
    problem.provider = error.provider().map(str::to_owned);
    if problem.status == 503 {
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
        StepError::RowGone(error) => Problem::new(ProblemCode::InstanceGone, error.to_string()),
        StepError::Cipher(error) => Problem::new(ProblemCode::SecretUnreadable, error.to_string()),
    }
}

impl From<CreateError> for Problem {
    fn from(error: CreateError) -> Self {
        match &error {
            CreateError::Recipe(source) => recipe(source),
            CreateError::InstanceLimit(_) => {
                Self::new(ProblemCode::InstanceLimit, error.to_string())
            }
            CreateError::Precondition(source) => precondition(source),
            CreateError::EnvironmentTaken { .. } => {
                Self::new(ProblemCode::EnvironmentTaken, error.to_string())
            }
            CreateError::OtherTools { .. } => Self::new(ProblemCode::OtherTools, error.to_string()),
            CreateError::Failed {
                failure,
                undo,
                prices,
                ..
            } => {
                let cause = step(&failure.cause);
                let detail = format!(
                    "{failure}: {}; {error}{}",
                    cause.detail,
                    describe_leftovers(undo)
                );
                cause.with_detail(detail).with_prices(prices.clone())
            }
            CreateError::Step(source) => step(source),
        }
    }
}

fn recipe(error: &RecipeError) -> Problem {
    match error {
        RecipeError::Tool(source) => unavailable(source),
        RecipeError::Infra(source) => lookup(source),
        RecipeError::Options(_, source) => {
            let detail = format!("{error}: {source}");
            Problem::new(ProblemCode::InvalidField, detail).with_field("infraOptions")
        }
        RecipeError::ImageNotAllowed(_) => {
            Problem::new(ProblemCode::ImageNotAllowed, error.to_string()).with_field("image")
        }
        RecipeError::Step(source) => step(source),
    }
}

impl From<RecipeError> for Problem {
    fn from(error: RecipeError) -> Self {
        recipe(&error)
    }
}

impl From<UpgradeError> for Problem {
    fn from(error: UpgradeError) -> Self {
        match error {
            UpgradeError::Recipe(source) => recipe(&source),
            UpgradeError::Precondition(source) => precondition(&source),
            UpgradeError::OtherInfra { .. } => {
                Self::new(ProblemCode::OtherInfra, error.to_string())
            }
            UpgradeError::Tool(source) => source.into(),
            UpgradeError::Step(source) => step(&source),
        }
    }
}

impl From<ProvisionLocalError> for Problem {
    fn from(error: ProvisionLocalError) -> Self {
        match &error {
            ProvisionLocalError::Tool(source) => unavailable(source),
            ProvisionLocalError::NoTools => {
                Self::new(ProblemCode::InvalidField, error.to_string()).with_field("tools")
            }
            ProvisionLocalError::Limit(_) => {
                Self::new(ProblemCode::GrantLimit, error.to_string()).with_retry_after(LATER)
            }
            ProvisionLocalError::Failed { cause, undo, .. } => {
                let cause = step(cause);
                let detail = format!("{}; {error}{}", cause.detail, describe_leftovers(undo));
                cause.with_detail(detail)
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
                format!(
                    "{error}: repeat the call; left are {}",
                    list_leftovers(left)
                ),
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
                Self::new(ProblemCode::SweepRunning, error.to_string()).with_retry_after(SOON)
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
                Self::new(ProblemCode::AlreadyProvisioned, error.to_string())
            }
            ProvisionError::Step(source) => step(source),
        }
    }
}

impl From<EnsureToolsError> for Problem {
    fn from(error: EnsureToolsError) -> Self {
        match &error {
            EnsureToolsError::Tool(source) => unavailable(source),
            EnsureToolsError::Clash(source) => lookup(source),
            EnsureToolsError::Precondition(source) => precondition(source),
            EnsureToolsError::Step(source) => step(source),
        }
    }
}

impl From<DestroyToolError> for Problem {
    fn from(error: DestroyToolError) -> Self {
        match &error {
            DestroyToolError::Precondition(source) => precondition(source),
            DestroyToolError::UnknownResource(_) => {
                Self::new(ProblemCode::UnknownResource, error.to_string())
            }
            DestroyToolError::Step(source) => step(source),
        }
    }
}

impl From<UpdateToolError> for Problem {
    fn from(error: UpdateToolError) -> Self {
        match &error {
            UpdateToolError::Precondition(source) => precondition(source),
            UpdateToolError::UnknownTool { .. } => {
                Self::new(ProblemCode::UnknownResource, error.to_string())
            }
            // The options come from the request, so the caller can fix them.
            UpdateToolError::Step(StepError::Provider(source))
                if source.kind() == ErrorKind::Invalid =>
            {
                Self::new(ProblemCode::InvalidField, source.to_string()).with_field("config")
            }
            UpdateToolError::Step(source) => step(source),
        }
    }
}

fn unavailable(error: &UnavailableTool) -> Problem {
    lookup(&error.source).with_field(format!("tools[{}]", error.index))
}

/// The end of a detail: the resources that an undo left.
fn describe_leftovers(undo: &Undo) -> String {
    match undo {
        Undo::Complete | Undo::NotStarted => String::new(),
        Undo::Partial(left) => format!("; left are {}", list_leftovers(left)),
    }
}

/// 503 if a retry may help, 502 if somebody has to fix something first.
fn incomplete(left: &[Leftover], detail: String) -> Problem {
    let waits = left.iter().filter_map(|one| step(&one.cause).retry_after);
    let problem = Problem::new(ProblemCode::DestroyIncomplete, detail);
    match waits.max() {
        Some(wait) => problem.with_retry_after(wait),
        None => problem.with_status(502),
    }
}

/// Each leftover with its error.
fn list_leftovers<'a>(left: impl IntoIterator<Item = &'a Leftover>) -> String {
    let leftovers = left
        .into_iter()
        .map(|one| format!("{} ({})", one.provider, step(&one.cause).detail));
    leftovers.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
