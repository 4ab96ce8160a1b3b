//! How creations slow down while they fail: the rules. Table `creation_failures` keeps the count, so
//! that replicas slow down together, and a restart forgets nothing.
//!
//! Each cause has a pause of its own, which doubles with each failure in a row. While any pause runs
//! no creation begins; after it one tries. A success ends them all.

use std::time::Duration;

use agent_pool_core::wire::pool::CreationFailure;
use agent_pool_core::{ToolId, chain};

use crate::call::{CallError, Failure};

/// Pause after the first failure of a cause.
pub(crate) const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// Longest pause that we take by ourselves.
pub(crate) const PAUSE_LONGEST: Duration = Duration::from_mins(5);
/// Longest pause that Services can ask for.
const ASKED_LONGEST: Duration = Duration::from_hours(1);
/// How much of a code, and of a provider's id, is kept, in characters.
const CODE: usize = 64;

/// A creation that failed, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    /// The stable word for it.
    pub(crate) cause: String,
    pub(crate) error: String,
    pub(crate) retry_after: Option<Duration>,
}

impl Failed {
    /// What a creation with these tools failed with.
    pub(crate) fn of(failure: &Failure, tools: &[ToolId]) -> Self {
        Self {
            cause: cause(failure, tools),
            error: format!("Services {}", chain(&failure.error)),
            retry_after: failure.retry_after.map(|wait| wait.min(ASKED_LONGEST)),
        }
    }
}

/// The code of the answer, with the provider that failed, or the tool that it is about, where it names
/// one: so that the failures of one vendor do not count for another's.
fn cause(failure: &Failure, tools: &[ToolId]) -> String {
    let code = match &failure.error {
        CallError::NotSent(_) | CallError::TimedOut(_) | CallError::Lost(_) => {
            return "services_unavailable".to_owned();
        }
        CallError::Garbled(_) => return "services_garbled".to_owned(),
        CallError::Refused { code, .. } => short(code),
    };
    let field = failure.field.as_deref();
    let tool = field.and_then(|field| tool(field, tools));
    match (&failure.provider, tool) {
        (Some(provider), _) => format!("{code}:{}", short(provider)),
        (None, Some(tool)) => format!("{code}:{tool}"),
        (None, None) => code,
    }
}

fn short(word: &str) -> String {
    word.chars().take(CODE).collect()
}

/// Which tool a member of the request such as `tools[0]` is.
fn tool<'a>(field: &str, tools: &'a [ToolId]) -> Option<&'a ToolId> {
    let index = field.strip_prefix("tools[")?.strip_suffix(']')?;
    tools.get(index.parse::<usize>().ok()?)
}

/// The latest failure in one line, for older clients.
pub(crate) fn in_one_line(failures: &[CreationFailure]) -> Option<String> {
    let CreationFailure {
        failures_in_a_row,
        retry_at,
        error,
        ..
    } = failures.first()?;
    Some(format!(
        "failed {failures_in_a_row} times in a row, next try after {}: {error}",
        retry_at.format("%FT%TZ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str, field: Option<&str>) -> Failure {
        Failure {
            error: CallError::Refused {
                status: 503,
                code: code.to_owned(),
                detail: "x".to_owned(),
            },
            field: field.map(str::to_owned),
            provider: None,
            retry_after: Some(Duration::from_hours(9)),
        }
    }

    #[test]
    fn a_cause_is_the_code_and_who_failed_or_the_tool_that_it_is_about() {
        let tools: Vec<ToolId> = ["openrouter", "agentmail"]
            .map(|id| id.parse().unwrap())
            .into();
        let timed_out = Failure::from(CallError::TimedOut(PAUSE_FIRST));
        let named = |provider: &str| Failure {
            provider: Some(provider.to_owned()),
            ..refused("vendor_refused", Some("tools[1]"))
        };
        let garbled = Failure::from(CallError::Garbled("x".to_owned()));
        for (failure, cause) in [
            (refused("vendor_refused", None), "vendor_refused"),
            (named("railway"), "vendor_refused:railway"),
            (
                named(&"x".repeat(999)),
                &format!("vendor_refused:{}", "x".repeat(64)),
            ),
            (
                refused("unknown_tool", Some("tools[1]")),
                "unknown_tool:agentmail",
            ),
            (refused("unknown_tool", Some("tools[2]")), "unknown_tool"),
            (refused("invalid_field", Some("name")), "invalid_field"),
            (refused(&"x".repeat(999), None), "x".repeat(64).as_str()),
            (timed_out, "services_unavailable"),
            (garbled, "services_garbled"),
        ] {
            assert_eq!(Failed::of(&failure, &tools).cause, cause);
        }
    }

    #[test]
    fn nobody_makes_us_wait_for_more_than_an_hour() {
        let failed = Failed::of(&refused("x", None), &[]);
        assert_eq!(failed.retry_after, Some(ASKED_LONGEST));
        assert_eq!(failed.error, "Services answered 503 x: x");
    }
}
