//! Why a pool creates no instances.

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::{CreationFailure, Hold, HoldCause, Policy};

use super::budget::BudgetUse;
use crate::plural::count_of;

/// The hold of a pool that is paused.
pub(super) fn pause(policy: &Policy) -> Option<Hold> {
    policy.paused.then(|| Hold {
        cause: HoldCause::Paused,
        reason: "its policy is set to paused".to_owned(),
        since: None,
        until: None,
    })
}

/// The hold of a pool that has spent its budget. It ends automatically: the spending is compared with the budget of the
/// current period each time a plan is made, so nothing has to be reset at midnight.
pub(super) fn spent(used: BudgetUse) -> Option<Hold> {
    used.is_reached().then(|| Hold {
        cause: HoldCause::Budget,
        reason: used.to_string(),
        since: None,
        until: Some(used.renews_at),
    })
}

/// The hold of a pool whose creations failed too often: it lasts until the next probe, or until a person resumes the
/// pool.
pub(crate) fn stop(failures: &[CreationFailure], pool: &PoolName) -> Option<Hold> {
    let own = failures.iter().filter(|failure| failure.pool == *pool);
    let failure = own.min_by_key(|failure| (failure.stopped_at.is_none(), failure.stopped_at))?;
    Some(Hold {
        cause: HoldCause::Failing,
        reason: format!(
            "creations failed {} in a row ({}): {}",
            count_of(failure.failures_in_a_row, "time"),
            failure.cause,
            failure.error
        ),
        since: Some(failure.stopped_at?),
        until: Some(failure.retry_at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_cause_that_stopped_its_own_pool_holds_it() {
        let failure = |pool: &str, stopped: Option<&str>| CreationFailure {
            pool: pool.parse().unwrap(),
            cause: "quota".to_owned(),
            failures_in_a_row: 10,
            retry_at: "2026-11-29T12:10:00Z".parse().unwrap(),
            failed_at: "2026-11-29T12:00:00Z".parse().unwrap(),
            error: "no".to_owned(),
            stopped_at: stopped.map(|at| at.parse().unwrap()),
        };
        let stopped = "2026-11-29T12:00:00Z";
        let all = [
            failure("a", None),
            failure("a", Some(stopped)),
            failure("b", None),
        ];
        let hold = stop(&all, &"a".parse().unwrap()).unwrap();
        assert_eq!(
            hold.reason,
            "creations failed 10 times in a row (quota): no"
        );
        assert_eq!(hold.until, Some(all[1].retry_at));
        assert_eq!(stop(&all, &"b".parse().unwrap()), None);
    }
}
