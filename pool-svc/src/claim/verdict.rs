//! The taint rule: after which failures of a claim its instance may be used for another one.

use agent_pool_client::CallError;
use agent_pool_core::Effect;
use agent_pool_core::wire::problem::{Fault, ProblemCode};

use super::step::StepError;
use crate::lifecycle::Cause;

/// What becomes of an instance that a claim failed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Certainly nothing was done to it: it becomes idle again.
    Release,
    /// Something may have been done to it, or it is unusable: it is destroyed.
    GiveUp(Cause),
    /// The database failed: the instance is destroyed when its lease expires.
    Leave,
}

impl Fate {
    /// In words, as the end of an error message.
    pub(super) const fn outcome(self) -> &'static str {
        match self {
            Self::Release => "is idle again",
            Self::GiveUp(_) => "may have been changed and is destroyed",
            Self::Leave => "is destroyed when its lease expires",
        }
    }
}

/// How a claim goes on. All but the first two end it, because every other instance would fail too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    MoveOn,
    /// The same, and the instance was not used up: it is only busy now.
    PassOver,
    Superseded,
    ServicesUnavailable,
    ServicesRefused,
    RuntimeRefused,
    DatabaseFailed,
}

const TAINTED: Fate = Fate::GiveUp(Cause::ClaimFailed);

/// What follows from a failure.
pub(super) fn verdict(error: &StepError) -> (Fate, Next) {
    match error {
        StepError::Unhealthy(_) | StepError::NotReady => {
            (Fate::GiveUp(Cause::UnhealthyAtClaim), Next::MoveOn)
        }
        StepError::Configure(call) => configuring(call),
        // From here on it has the variables of the agent, whatever its runtime did.
        StepError::Provision(call) if is_about_the_request(call) => (TAINTED, Next::RuntimeRefused),
        StepError::Provision(_) | StepError::Incomplete(_) | StepError::Condemned => {
            (TAINTED, Next::MoveOn)
        }
        StepError::Superseded => (TAINTED, Next::Superseded),
        StepError::Database(_) => (Fate::Leave, Next::DatabaseFailed),
    }
}

/// Services could not set its variables. What that means follows from the problem's code.
fn configuring(call: &CallError) -> (Fate, Next) {
    let problem = match call {
        CallError::Refused { problem, .. } => problem,
        CallError::Unreachable { .. } => return (Fate::Release, Next::ServicesUnavailable),
        CallError::TimedOut { .. } => return (TAINTED, Next::ServicesUnavailable),
        CallError::Broken { .. } | CallError::Unreadable { .. } => return (TAINTED, Next::MoveOn),
    };
    let unavailable = problem.status == 503;
    match (problem.fault(), problem.effect()) {
        // Another operation works on it: it is only busy now.
        _ if problem.code == ProblemCode::InstanceBusy => (Fate::Release, Next::PassOver),
        // Unknown, being destroyed or unfinished: it is unusable.
        (Fault::Instance, _) => (TAINTED, Next::MoveOn),
        // Every other instance would fail the same way.
        (_, Effect::NotDone) if unavailable => (Fate::Release, Next::ServicesUnavailable),
        (_, Effect::NotDone) => (Fate::Release, Next::ServicesRefused),
        (_, Effect::Unknown) if unavailable => (TAINTED, Next::ServicesUnavailable),
        (_, Effect::Unknown) => (TAINTED, Next::MoveOn),
    }
}

/// Whether every other runtime would refuse the request too.
fn is_about_the_request(call: &CallError) -> bool {
    call.problem()
        .is_some_and(|problem| matches!(problem.status, 400 | 413 | 422))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use agent_pool_core::wire::problem::Problem;

    use super::*;

    fn refused(status: u16, code: &str) -> CallError {
        CallError::Refused {
            service: "Services",
            problem: Box::new(Problem::new(code.into(), "").with_status(status)),
        }
    }

    fn timed_out() -> CallError {
        CallError::TimedOut {
            service: "Services",
            after: Duration::ZERO,
        }
    }

    fn unreadable() -> CallError {
        CallError::Unreadable {
            service: "Services",
            url: Box::new("http://h".parse().unwrap()),
            reason: String::new(),
        }
    }

    #[test]
    fn an_instance_is_released_only_if_certainly_nothing_was_done() {
        use StepError::{Configure, Incomplete, Provision, Unhealthy};
        let dead = Fate::GiveUp(Cause::UnhealthyAtClaim);
        let release = Fate::Release;
        #[rustfmt::skip]
        let table = [
            (Unhealthy(timed_out()),                           dead,    Next::MoveOn),
            (StepError::NotReady,                              dead,    Next::MoveOn),
            (Configure(refused(401, "x")),                     release, Next::ServicesRefused),
            (Configure(refused(404, "unknown_route")),         release, Next::ServicesRefused),
            (Configure(refused(404, "unknown_instance")),      TAINTED, Next::MoveOn),
            (Configure(refused(409, "instance_busy")),         release, Next::PassOver),
            (Configure(refused(409, "instance_destroying")),   TAINTED, Next::MoveOn),
            (Configure(refused(409, "instance_unfinished")),   TAINTED, Next::MoveOn),
            (Configure(refused(422, "provider_unconfigured")), release, Next::ServicesRefused),
            (Configure(refused(409, "of_another_version")),    TAINTED, Next::MoveOn),
            (Configure(refused(503, "shutting_down")),         release, Next::ServicesUnavailable),
            (Configure(refused(500, "x")),                     TAINTED, Next::MoveOn),
            (Configure(refused(501, "unsupported")),           release, Next::ServicesRefused),
            (Configure(refused(502, "vendor_unauthorized")),   release, Next::ServicesRefused),
            (Configure(refused(502, "vendor_protocol")),       TAINTED, Next::MoveOn),
            (Configure(refused(503, "database_unavailable")),  release, Next::ServicesUnavailable),
            (Configure(refused(503, "vendor_unavailable")),    TAINTED, Next::ServicesUnavailable),
            (Configure(unreadable()),                          TAINTED, Next::MoveOn),
            (Configure(timed_out()),                           TAINTED, Next::ServicesUnavailable),
            (Provision(refused(400, "x")),                     TAINTED, Next::RuntimeRefused),
            (Provision(refused(401, "x")),                     TAINTED, Next::MoveOn),
            (Provision(refused(503, "x")),                     TAINTED, Next::MoveOn),
            (Provision(timed_out()),                           TAINTED, Next::MoveOn),
            (Incomplete("inviteUrl"),                          TAINTED, Next::MoveOn),
            (StepError::Condemned,                             TAINTED, Next::MoveOn),
            (StepError::Superseded,                            TAINTED, Next::Superseded),
        ];
        for (error, fate, next) in table {
            assert_eq!(verdict(&error), (fate, next), "{error}");
        }
    }
}
