//! The cause of a failed creation, under which its back-off is counted. The back-off itself is in
//! [`creation_failures`](crate::db::creation_failures).

use std::time::Duration;

use agent_pool_client::CallError;
use agent_pool_core::ToolId;

use crate::db::creation_failures::NewFailure;

/// Longest `Retry-After` of Services that is honoured.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);
/// How much of a provider's id is stored, in characters.
const MAX_PROVIDER: usize = 64;

/// The failure of a creation with these tools, as it is stored.
pub(super) fn describe_failure(failure: &CallError, tools: &[ToolId]) -> NewFailure {
    NewFailure {
        cause: cause(failure, tools),
        error: failure.to_string(),
        retry_after: failure
            .retry_after()
            .map(|wait| wait.min(LONGEST_RETRY_AFTER)),
    }
}

/// The problem code, with the provider that failed or the tool that the problem names, if any: failures of one vendor
/// must not count as failures of another.
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
    let tool = field.and_then(|field| tool_named_by(field, tools));
    match (&problem.provider, tool) {
        (Some(provider), _) => format!("{code}:{}", shorten(provider)),
        (None, Some(tool)) => format!("{code}:{tool}"),
        (None, None) => code,
    }
}

fn shorten(word: &str) -> String {
    word.chars().take(MAX_PROVIDER).collect()
}

/// The tool that a member of the request such as `tools[0]` names.
fn tool_named_by<'a>(field: &str, tools: &'a [ToolId]) -> Option<&'a ToolId> {
    let index = field.strip_prefix("tools[")?.strip_suffix(']')?;
    tools.get(index.parse::<usize>().ok()?)
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
    fn a_cause_is_the_problem_code_with_its_provider_or_tool() {
        let tools: Vec<ToolId> = ["openrouter", "agentmail"]
            .map(|id| id.parse().unwrap())
            .into();
        let refused = |code, field| super::tests::refused(problem(code, field));
        let timed_out = CallError::TimedOut {
            service: "Services",
            after: Duration::ZERO,
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
            assert_eq!(describe_failure(&failure, &tools).cause, cause);
        }
    }

    #[test]
    fn a_pause_is_an_hour_at_most() {
        let failure = describe_failure(&refused(problem("x", None)), &[]);
        assert_eq!(failure.retry_after, Some(LONGEST_RETRY_AFTER));
        assert_eq!(failure.error, "Services answered 503 x: x");
    }
}
