//! How creations slow down while they fail: the rules. Table `creation_failures` keeps the count, so
//! that replicas slow down together, and a restart forgets nothing.
//!
//! Each cause has a pause of its own, which doubles with each failure in a row. While any pause runs
//! no creation begins; after it one tries. A success ends them all.

use std::time::Duration;

use agent_pool_client::CallError;
use agent_pool_core::ToolId;
use agent_pool_core::wire::pool::CreationFailure;

/// Pause after the first failure of a cause.
pub(crate) const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// Longest pause that we take by ourselves.
pub(crate) const PAUSE_LONGEST: Duration = Duration::from_mins(5);
/// Longest pause that Services can ask for.
const ASKED_LONGEST: Duration = Duration::from_hours(1);
/// How much of a provider's id is kept, in characters.
const PROVIDER: usize = 64;

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
    pub(crate) fn of(failure: &CallError, tools: &[ToolId]) -> Self {
        Self {
            cause: cause(failure, tools),
            error: failure.to_string(),
            retry_after: failure.retry_after().map(|wait| wait.min(ASKED_LONGEST)),
        }
    }
}

/// The code of the answer, with the provider that failed, or the tool that it is about, where it names
/// one: so that the failures of one vendor do not count for another's.
fn cause(failure: &CallError, tools: &[ToolId]) -> String {
    let problem = match failure {
        CallError::Unreachable { .. } | CallError::TimedOut { .. } | CallError::Broken { .. } => {
            return "services_unavailable".to_owned();
        }
        CallError::Unreadable { .. } => return "services_garbled".to_owned(),
        CallError::Refused { problem, .. } => problem,
    };
    let code = problem.code.to_string();
    let field = problem.field.as_deref();
    let tool = field.and_then(|field| tool(field, tools));
    match (&problem.provider, tool) {
        (Some(provider), _) => format!("{code}:{}", short(provider)),
        (None, Some(tool)) => format!("{code}:{tool}"),
        (None, None) => code,
    }
}

fn short(word: &str) -> String {
    word.chars().take(PROVIDER).collect()
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
    use agent_pool_core::wire::problem::Problem;

    use super::*;

    fn problem(code: &str, field: Option<&str>) -> Problem {
        let problem = Problem::new(code.into(), "x").with_status(503);
        Problem {
            field: field.map(str::to_owned),
            ..problem.with_retry_after(Duration::from_hours(9))
        }
    }

    fn refused(problem: Problem) -> CallError {
        CallError::Refused {
            service: "Services",
            problem: Box::new(problem),
        }
    }

    #[test]
    fn a_cause_is_the_code_and_who_failed_or_the_tool_that_it_is_about() {
        let tools: Vec<ToolId> = ["openrouter", "agentmail"]
            .map(|id| id.parse().unwrap())
            .into();
        let refused = |code, field| super::tests::refused(problem(code, field));
        let timed_out = CallError::TimedOut {
            service: "Services",
            after: PAUSE_FIRST,
        };
        let named = |provider: &str| {
            let problem = problem("vendor_refused", Some("tools[1]"));
            super::tests::refused(problem.with_provider(provider))
        };
        let garbled = CallError::Unreadable {
            service: "Services",
            url: Box::new("http://h".parse().unwrap()),
            reason: "x".to_owned(),
        };
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
        let failed = Failed::of(&refused(problem("x", None)), &[]);
        assert_eq!(failed.retry_after, Some(ASKED_LONGEST));
        assert_eq!(failed.error, "Services answered 503 x: x");
    }
}
