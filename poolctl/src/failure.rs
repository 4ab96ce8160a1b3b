//! The error of a command: what failed, on what, and what to do.

use std::fmt;

use agent_pool_client::CallError;
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use serde::Serialize;

use crate::exit::Exit;
use crate::out::plain;

/// A failed command, for people and for programs. It contains no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failure {
    /// What failed and why.
    error: String,
    /// A stable code: the API's, or this program's own.
    code: String,
    /// The HTTP status, if there was an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// The provider that failed, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(rename = "exitCode", serialize_with = "number")]
    exit: Exit,
}

fn number<S: serde::Serializer>(exit: &Exit, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(exit.number())
}

impl Failure {
    /// A failure of this program's own.
    pub(crate) fn new(exit: Exit, code: &str, error: impl Into<String>) -> Self {
        Self {
            error: error.into(),
            code: code.to_owned(),
            status: None,
            provider: None,
            hint: None,
            exit,
        }
    }

    /// The command line is invalid.
    pub(crate) fn usage(error: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", error)
    }

    /// Ctrl-C.
    pub(crate) fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "interrupted", "interrupted")
    }

    /// Ctrl-C during a claim.
    pub(crate) fn interrupted_claim() -> Self {
        Self::interrupted()
            .hint("a claim in progress is still completed: see `poolctl list --status claimed`")
    }

    /// The user answered no.
    pub(crate) fn declined() -> Self {
        Self::new(Exit::Failed, "declined", "nothing was done")
    }

    /// `doing` is the operation, such as `kill k3v9x0a1b2c3`.
    pub(crate) fn of_call(doing: &str, error: &CallError) -> Self {
        let text = format!("cannot {doing}: {}", plain(reason(error)));
        let may_go_on = "it may still continue: check with `poolctl list` before you retry";
        match error {
            CallError::Refused { service, problem } if problem.code != ProblemCode::WithoutCode => {
                let failure = Self {
                    status: Some(problem.status),
                    provider: problem.provider.clone(),
                    ..Self::new(Exit::from_problem(problem), problem.code.as_str(), text)
                };
                failure.hint_maybe(hint_for(service, problem))
            }
            CallError::Unreachable { service, .. } => {
                Self::new(Exit::Unreachable, "unreachable", text).hint(format!(
                    "is {service} running, and is its address correct? `poolctl doctor` checks that"
                ))
            }
            CallError::Broken { .. } => {
                Self::new(Exit::Unreachable, "connection_broken", text).hint(may_go_on)
            }
            CallError::TimedOut { .. } => {
                Self::new(Exit::Unreachable, "timed_out", text).hint(may_go_on)
            }
            CallError::Unreadable { service, .. } | CallError::Refused { service, .. } => {
                Self::new(Exit::Failed, "garbled", text).hint(format!(
                    "is that the address of {service}, and does it have the same version as this program?"
                ))
            }
        }
    }

    /// Sets what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn hint_maybe(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// What to do, if known.
    pub(crate) fn hinted(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error)
    }
}

/// Why a call failed, with the address if that helps.
pub(crate) fn reason(error: &CallError) -> String {
    match error {
        CallError::Unreachable {
            service,
            url,
            reason,
        } => format!("{service} cannot be reached at {url}: {reason}"),
        CallError::Unreadable {
            service,
            url,
            reason,
        } => format!("the answer from {url} is not from {service}: {reason}"),
        CallError::Refused { problem, .. } if problem.code != ProblemCode::WithoutCode => {
            problem.detail.clone()
        }
        CallError::Refused { .. } | CallError::TimedOut { .. } | CallError::Broken { .. } => {
            error.to_string()
        }
    }
}

/// What to do about a refusal, if its message does not say.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all other codes have the same hint: when to try again"
)]
fn hint_for(service: &str, problem: &Problem) -> Option<String> {
    let hint = match &problem.code {
        ProblemCode::NoIdleInstance => {
            "wait for one with `--wait 60`, or create one with `poolctl replenish 1`".to_owned()
        }
        ProblemCode::Unauthorized => {
            format!("set POOL_API_KEY or --key to the key of {service}")
        }
        ProblemCode::UnknownInstance => "`poolctl list` shows existing instances".to_owned(),
        ProblemCode::UnknownTemplate => "`poolctl templates` lists them".to_owned(),
        ProblemCode::NotCrashed => "to destroy it anyway: `poolctl kill`".to_owned(),
        ProblemCode::UnknownRoute => {
            format!("is that the address of {service}, with the same version?")
        }
        _ => {
            let seconds = problem.retry_after?.as_secs();
            format!("try again in {seconds} s")
        }
    };
    Some(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_failed_on_what_and_what_to_do() {
        let problem = Problem::new(
            ProblemCode::UnknownInstance,
            "there is no instance k3v9x0a1b2c3",
        );
        let error = CallError::Refused {
            service: "Pool",
            problem: Box::new(problem),
        };
        let failure = Failure::of_call("kill k3v9x0a1b2c3", &error);
        assert_eq!(
            failure.to_string(),
            "cannot kill k3v9x0a1b2c3: there is no instance k3v9x0a1b2c3"
        );
        assert!(failure.hinted().unwrap().contains("poolctl list"));
        let json = serde_json::to_value(&failure).unwrap();
        assert_eq!(json["code"], "unknown_instance");
        assert_eq!(
            (&json["status"], &json["exitCode"]),
            (&404.into(), &4.into())
        );
    }
}
