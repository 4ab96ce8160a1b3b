use std::time::Duration;

use agent_pool_core::Effect;
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use url::Url;

/// Why a call failed. Its text contains no URL, header or body.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// The request was not sent.
    #[error("{service} cannot be reached: {reason}")]
    Unreachable {
        /// The API that was called, for people.
        service: &'static str,
        /// Its address.
        url: Box<Url>,
        /// What failed.
        reason: String,
    },
    /// There was no answer in time.
    #[error("{service} did not answer within {} ms", .after.as_millis())]
    TimedOut {
        /// The API that was called, for people.
        service: &'static str,
        /// How long the call waited.
        after: Duration,
    },
    /// The connection broke before the answer was complete.
    #[error("the connection to {service} broke: {reason}")]
    Broken {
        /// The API that was called, for people.
        service: &'static str,
        /// What failed.
        reason: String,
    },
    /// The answer is an error.
    #[error("{service} answered {problem}")]
    Refused {
        /// The API that was called, for people.
        service: &'static str,
        /// The problem in the answer. An answer that is not from our APIs has [`ProblemCode::WithoutCode`].
        problem: Box<Problem>,
    },
    /// The answer is a success, but not one of this API.
    #[error("the answer of {service} cannot be read: {reason}")]
    Unreadable {
        /// The API that was called, for people.
        service: &'static str,
        /// Its address.
        url: Box<Url>,
        /// What is wrong with the answer.
        reason: String,
    },
}

impl CallError {
    /// The problem that the other side answered with.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused { problem, .. } => Some(problem),
            Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Broken { .. }
            | Self::Unreadable { .. } => None,
        }
    }

    /// Whether the other side refused with this code.
    #[must_use]
    pub fn is(&self, code: &ProblemCode) -> bool {
        self.problem().is_some_and(|problem| problem.code == *code)
    }

    /// Whether the other side does not accept our key.
    #[must_use]
    pub fn is_key_refused(&self) -> bool {
        self.problem()
            .is_some_and(|problem| matches!(problem.status, 401 | 403))
    }

    pub(crate) fn is_not_found(&self) -> bool {
        self.problem().is_some_and(|problem| problem.status == 404)
    }

    /// Whether the call may have had an effect. Unknown counts as done.
    #[must_use]
    pub fn effect(&self) -> Effect {
        match self {
            Self::Unreachable { .. } => Effect::NotDone,
            Self::Refused { problem, .. } => problem.effect(),
            Self::TimedOut { .. } | Self::Broken { .. } | Self::Unreadable { .. } => {
                Effect::Unknown
            }
        }
    }

    /// How long to wait before another try, according to the other side.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.problem()?.retry_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "Services";

    #[test]
    fn only_a_call_that_was_not_sent_or_is_refused_surely_had_no_effect() {
        let url: Box<Url> = Box::new("http://h".parse().unwrap());
        let reason = String::new;
        let refused = |code| CallError::Refused {
            service: SERVICE,
            problem: Box::new(Problem::new(code, "x")),
        };
        for (error, effect) in [
            (
                CallError::Unreachable {
                    service: SERVICE,
                    url: url.clone(),
                    reason: reason(),
                },
                Effect::NotDone,
            ),
            (
                CallError::TimedOut {
                    service: SERVICE,
                    after: Duration::ZERO,
                },
                Effect::Unknown,
            ),
            (
                CallError::Broken {
                    service: SERVICE,
                    reason: reason(),
                },
                Effect::Unknown,
            ),
            (
                CallError::Unreadable {
                    service: SERVICE,
                    url,
                    reason: reason(),
                },
                Effect::Unknown,
            ),
            (refused(ProblemCode::InstanceBusy), Effect::NotDone),
            (refused(ProblemCode::VendorUnavailable), Effect::Unknown),
        ] {
            assert_eq!(error.effect(), effect, "{error}");
        }
    }
}
