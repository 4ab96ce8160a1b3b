//! How failed creations are told apart, and what is shown of them.
//!
//! Table `creation_failures` keeps the count of each cause, so that replicas slow down together and a
//! restart forgets nothing. Each cause has a pause of its own, which doubles with each failure in a row.
//! While any pause runs no creation starts; after it one is tried. A success ends all pauses.

use std::time::Duration;

use agent_pool_core::{ToolId, chain};

use crate::call::{CallError, Failure};
use crate::db::creation_failures::NewFailure;

/// Longest pause that Services can ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(1);
/// How much of a problem code, and of a provider's id, is kept, in characters.
const MAX_WORD: usize = 64;

/// What a creation with these tools failed with, as it is kept.
pub(super) fn describe_failure(failure: &Failure, tools: &[ToolId]) -> NewFailure {
    NewFailure {
        cause: cause(failure, tools),
        error: format!("Services {}", chain(&failure.error)),
        retry_after: failure
            .retry_after
            .map(|wait| wait.min(LONGEST_RETRY_AFTER)),
    }
}

/// The problem code, with the provider that failed or the tool that the problem is about, if it names
/// one: failures of one vendor must not count as failures of another.
fn cause(failure: &Failure, tools: &[ToolId]) -> String {
    let code = match &failure.error {
        CallError::NotSent(_) | CallError::TimedOut(_) | CallError::Lost(_) => {
            return "services_unavailable".to_owned();
        }
        CallError::Garbled(_) => return "services_garbled".to_owned(),
        CallError::Refused { code, .. } => shorten(code),
    };
    let field = failure.field.as_deref();
    let tool = field.and_then(|field| tool_named_by(field, tools));
    match (&failure.provider, tool) {
        (Some(provider), _) => format!("{code}:{}", shorten(provider)),
        (None, Some(tool)) => format!("{code}:{tool}"),
        (None, None) => code,
    }
}

fn shorten(word: &str) -> String {
    word.chars().take(MAX_WORD).collect()
}

/// The tool that a member of the request such as `tools[0]` names.
fn tool_named_by<'a>(field: &str, tools: &'a [ToolId]) -> Option<&'a ToolId> {
    let index = field.strip_prefix("tools[")?.strip_suffix(']')?;
    tools.get(index.parse::<usize>().ok()?)
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
    fn a_cause_is_the_problem_code_with_its_provider_or_tool() {
        let tools: Vec<ToolId> = ["openrouter", "agentmail"]
            .map(|id| id.parse().unwrap())
            .into();
        let timed_out = Failure::from(CallError::TimedOut(Duration::ZERO));
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
            assert_eq!(describe_failure(&failure, &tools).cause, cause);
        }
    }

    #[test]
    fn a_pause_is_an_hour_at_most() {
        let failure = describe_failure(&refused("x", None), &[]);
        assert_eq!(failure.retry_after, Some(LONGEST_RETRY_AFTER));
        assert_eq!(failure.error, "Services answered 503 x: x");
    }
}
