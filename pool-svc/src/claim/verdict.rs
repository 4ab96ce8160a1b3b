//! The taint rule: after which failures of a claim its instance may be used for another one.

use agent_pool_core::Effect;

use super::step::StepError;
use crate::call::CallError;
use crate::lifecycle::Cause;
use crate::services_client::is_unknown_instance;

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

fn configuring(call: &CallError) -> (Fate, Next) {
    match (call, call.effect()) {
        (CallError::NotSent(_), _) => (Fate::Release, Next::ServicesUnavailable),
        (CallError::TimedOut(_), _) => (TAINTED, Next::ServicesUnavailable),
        // Another operation works on it, and Services refuses before it does anything.
        _ if call.is(409, "instance_busy") => (Fate::Release, Next::PassOver),
        // Services does not know it, is destroying it, or never finished it: it is unusable.
        (CallError::Refused { status: 409, .. }, _) => (TAINTED, Next::MoveOn),
        _ if is_unknown_instance(call) => (TAINTED, Next::MoveOn),
        // Services reads its rows before it calls the infra.
        _ if call.is(503, "database_unavailable") => (Fate::Release, Next::ServicesUnavailable),
        // The infra cannot do it at all, or its account is locked or misconfigured: every instance would
        // fail the same way.
        _ if call.is(502, "vendor_unauthorized")
            || call.is(502, "vendor_refused")
            || call.is(501, "unsupported") =>
        {
            (Fate::Release, Next::ServicesRefused)
        }
        (CallError::Refused { status: 503, .. }, _) => (TAINTED, Next::ServicesUnavailable),
        (_, Effect::NotDone) => (Fate::Release, Next::ServicesRefused),
        (_, Effect::Unknown) => (TAINTED, Next::MoveOn),
    }
}

/// Whether every other runtime would refuse the request too.
const fn is_about_the_request(call: &CallError) -> bool {
    matches!(
        call,
        CallError::Refused {
            status: 400 | 413 | 422,
            ..
        }
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn refused(status: u16, code: &str) -> CallError {
        CallError::Refused {
            status,
            code: code.to_owned(),
            detail: String::new(),
        }
    }

    fn timed_out() -> CallError {
        CallError::TimedOut(Duration::ZERO)
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
            (Configure(refused(500, "x")),                     TAINTED, Next::MoveOn),
            (Configure(refused(501, "unsupported")),           release, Next::ServicesRefused),
            (Configure(refused(502, "vendor_unauthorized")),   release, Next::ServicesRefused),
            (Configure(refused(502, "vendor_protocol")),       TAINTED, Next::MoveOn),
            (Configure(refused(503, "database_unavailable")),  release, Next::ServicesUnavailable),
            (Configure(refused(503, "vendor_unavailable")),    TAINTED, Next::ServicesUnavailable),
            (Configure(CallError::Garbled(String::new())),     TAINTED, Next::MoveOn),
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
