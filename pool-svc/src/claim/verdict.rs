//! The taint rule: after which failures of a claim its instance may be reused.

use agent_pool_client::CallError;
use agent_pool_core::Effect;
use agent_pool_core::wire::problem::{Fault, ProblemCode};

use super::step::StepError;
use crate::lifecycle::Cause;

/// The fate of an instance on which a claim failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The claim had no effect on it: it becomes idle again.
    Release,
    /// It has the variables of an agent, but could not become it because of the request: it is reset and becomes idle,
    /// or is destroyed if the reset fails.
    Clean,
    /// The claim may have changed it, or it is unusable: it is destroyed.
    GiveUp(Cause),
    /// It already runs an agent that the pool did not know about, for example after the database was restored: it
    /// becomes claimed.
    Keep,
    /// The database failed: the instance is destroyed when its lease expires.
    Leave,
}

impl Fate {
    /// A phrase for the end of an error message.
    pub(super) const fn outcome(self) -> &'static str {
        match self {
            Self::Release => "is idle again",
            Self::Clean => "is reset or destroyed",
            Self::Keep => "stays claimed",
            Self::GiveUp(_) => "may have been changed and is destroyed",
            Self::Leave => "is destroyed when its lease expires",
        }
    }
}

/// How a claim continues. All but the first two end it, because every other instance would fail too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    MoveOn,
    /// Try the next instance. This one does not count as used up: it is only busy now.
    PassOver,
    Superseded,
    ServicesUnavailable,
    ServicesRefused,
    RuntimeRefused,
    /// Its runtime lacks what the recipe needs, and so do the runtimes of all others.
    Unfit,
    /// The conversation of the join link cannot be joined.
    JoinFailed,
    DatabaseFailed,
}

const TAINTED: Fate = Fate::GiveUp(Cause::ClaimFailed);

/// A claim has a join link, or it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Given,
    Absent,
}

/// What follows from a failure.
pub(super) fn verdict(error: &StepError, link: Link) -> (Fate, Next) {
    match error {
        // A refused key is our fault and does not mean that the instance is dead.
        StepError::Unhealthy(call) if refuses_our_key(call) => (Fate::Release, Next::PassOver),
        StepError::Unhealthy(_) | StepError::NotReady => {
            (Fate::GiveUp(Cause::UnhealthyAtClaim), Next::MoveOn)
        }
        StepError::Somebodys => (Fate::Keep, Next::PassOver),
        // Our fault: the runtime did nothing, so the instance is unchanged.
        StepError::KeyRefused => (Fate::Release, Next::PassOver),
        StepError::Configure(call) => configuring(call),
        // From here on the instance has the variables of the agent, whatever its runtime did.
        StepError::Provision(call) => provisioning(call, link),
        StepError::BadAnswer(_) | StepError::Condemned => (TAINTED, Next::MoveOn),
        StepError::TakesNoVariables => (Fate::Release, Next::Unfit),
        StepError::AddTools(call) => (TAINTED, adding_tools(call)),
        StepError::Deliver(_) | StepError::RemoveTools(_) => (TAINTED, Next::MoveOn),
        // Another instance would have to wait as well.
        StepError::CannotWait => (TAINTED, Next::RuntimeRefused),
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
        // Another operation is working on it: it is only busy now.
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

/// Services could not make the tools of a claim. The runtime may be the agent already.
fn adding_tools(call: &CallError) -> Next {
    match call {
        CallError::Unreachable { .. } => Next::ServicesUnavailable,
        // It used up the time limit of the claim, so the claim fails with a timeout.
        CallError::TimedOut { .. } | CallError::Broken { .. } | CallError::Unreadable { .. } => {
            Next::MoveOn
        }
        CallError::Refused { problem, .. } => match problem.fault() {
            Fault::Instance => Next::MoveOn,
            // A vendor that fails for this instance fails for the others too.
            _ if problem.status == 503 => Next::ServicesUnavailable,
            Fault::Request | Fault::Provider | Fault::Ours => Next::ServicesRefused,
        },
    }
}

/// A runtime did not become the agent. A fault of the request fails on every instance; anything else may be the fault
/// of this one.
fn provisioning(call: &CallError, link: Link) -> (Fate, Next) {
    let Some(problem) = call.problem() else {
        return (TAINTED, Next::MoveOn);
    };
    match (&problem.code, problem.status) {
        (ProblemCode::JoinFailed, _) => (Fate::Clean, Next::JoinFailed),
        (ProblemCode::AlreadyProvisioned, _) => (Fate::Keep, Next::PassOver),
        (ProblemCode::NotReady, _) => (TAINTED, Next::MoveOn),
        (_, 400 | 413 | 422) => (Fate::Clean, Next::RuntimeRefused),
        // Runtimes that do not know the codes answer like this to a link that does not work.
        (_, 500..) if link == Link::Given => (Fate::Clean, Next::JoinFailed),
        _ => (TAINTED, Next::MoveOn),
    }
}

fn refuses_our_key(call: &CallError) -> bool {
    call.problem()
        .is_some_and(|problem| matches!(problem.status, 401 | 403))
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
        use StepError::{AddTools, BadAnswer, Configure, Provision, Unhealthy};
        let dead = Fate::GiveUp(Cause::UnhealthyAtClaim);
        let release = Fate::Release;
        #[rustfmt::skip]
        let table = [
            (Unhealthy(timed_out()),                           dead,    Next::MoveOn),
            (StepError::NotReady,                              dead,    Next::MoveOn),
            (StepError::KeyRefused,                            Fate::Release, Next::PassOver),
            (StepError::Somebodys,                             Fate::Keep, Next::PassOver),
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
            (Unhealthy(refused(401, "unauthorized")),          release, Next::PassOver),
            (Provision(refused(400, "x")),                     Fate::Clean, Next::RuntimeRefused),
            (Provision(refused(401, "x")),                     TAINTED, Next::MoveOn),
            (Provision(refused(500, "join_failed")),           Fate::Clean, Next::JoinFailed),
            (Provision(refused(503, "not_ready")),             TAINTED, Next::MoveOn),
            (Provision(refused(409, "already_provisioned")),   Fate::Keep, Next::PassOver),
            (Provision(refused(503, "x")),                     TAINTED, Next::MoveOn),
            (Provision(timed_out()),                           TAINTED, Next::MoveOn),
            (BadAnswer("x".to_owned()),                        TAINTED, Next::MoveOn),
            (StepError::CannotWait,                            TAINTED, Next::RuntimeRefused),
            (StepError::TakesNoVariables,                      release, Next::Unfit),
            (AddTools(refused(400, "unknown_tool")),           TAINTED, Next::ServicesRefused),
            (AddTools(refused(409, "instance_busy")),          TAINTED, Next::MoveOn),
            (AddTools(refused(422, "provider_unconfigured")),  TAINTED, Next::ServicesRefused),
            (AddTools(refused(502, "vendor_refused")),         TAINTED, Next::ServicesRefused),
            (AddTools(refused(503, "vendor_unavailable")),     TAINTED, Next::ServicesUnavailable),
            (AddTools(timed_out()),                            TAINTED, Next::MoveOn),
            (AddTools(unreadable()),                           TAINTED, Next::MoveOn),
            (StepError::Deliver(timed_out()),                  TAINTED, Next::MoveOn),
            (StepError::RemoveTools(timed_out()),              TAINTED, Next::MoveOn),
            (StepError::Condemned,                             TAINTED, Next::MoveOn),
            (StepError::Superseded,                            TAINTED, Next::Superseded),
        ];
        for (error, fate, next) in table {
            assert_eq!(verdict(&error, Link::Absent), (fate, next), "{error}");
        }
    }

    #[test]
    fn an_unnamed_5xx_is_the_fault_of_the_link_if_there_is_one() {
        for (code, expected) in [
            ("without_code", (Fate::Clean, Next::JoinFailed)),
            ("internal_error", (Fate::Clean, Next::JoinFailed)),
            ("not_ready", (TAINTED, Next::MoveOn)),
        ] {
            let error = StepError::Provision(refused(500, code));
            assert_eq!(verdict(&error, Link::Given), expected, "{code}");
            assert_eq!(verdict(&error, Link::Absent), (TAINTED, Next::MoveOn));
        }
    }
}
