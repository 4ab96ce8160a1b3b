//! The state of a pool in sentences: its target and why, what it has, and what blocks it.

use agent_pool_core::wire::pool::{
    Counts, CreationFailure, ExplainedStep, Explanation, Hold, HoldCause,
};

use super::now;
use crate::plural::count_of;

/// The inputs of the explanation of a pool.
#[derive(Debug, Clone)]
pub(crate) struct PoolFacts {
    pub(crate) name: String,
    pub(crate) target: u32,
    pub(crate) max_total: u32,
    /// The number of instances of all pools, and its maximum.
    pub(crate) fleet_total: u32,
    pub(crate) fleet_max_total: u32,
    /// Why no instances are created.
    pub(crate) hold: Option<Hold>,
    /// Why the target is what it is.
    pub(crate) reason: String,
    pub(crate) counts: Counts,
    pub(crate) waiting: u32,
    pub(crate) failures: Vec<CreationFailure>,
}

pub(crate) fn explain_pool(facts: &PoolFacts) -> Explanation {
    let PoolFacts {
        name,
        target,
        max_total,
        hold,
        reason,
        counts,
        waiting,
        failures,
        ..
    } = facts;
    let mut steps = vec![now(format!("It keeps {target} idle: {reason}."))];
    let total = count_all(counts);
    steps.push(now(format!(
        "It has {} idle and {} starting; {} being claimed, {} claimed, {} crashed, {} being destroyed.",
        counts.idle,
        counts.starting,
        counts.claiming,
        counts.claimed,
        counts.crashed,
        counts.destroying
    )));
    if *waiting > 0 {
        let claims = count_of(*waiting, "claim");
        steps.push(now(format!("{claims} waiting for an instance.")));
    }
    let missing = (target + waiting).saturating_sub(counts.idle + counts.starting);
    let held_up = held_up(facts, missing, total);
    steps.push(now(match (missing, held_up) {
        (0, _) => "Nothing is missing.".to_owned(),
        (_, Some(reason)) => format!(
            "{} missing, but not created: {reason}.",
            count_of(missing, "instance")
        ),
        (_, None) => format!(
            "{} missing and being created.",
            count_of(missing, "instance")
        ),
    }));
    if let Some(hold) = hold {
        steps.push(held(hold, missing));
    }
    steps.extend(failures.iter().map(failed));
    if total >= *max_total {
        steps.push(now(format!(
            "It has reached its limit of {}.",
            count_of(*max_total, "instance")
        )));
    }
    Explanation {
        subject: format!("pool {name}"),
        steps,
    }
}

/// The number of instances in any status.
pub(crate) const fn count_all(counts: &Counts) -> u32 {
    let Counts {
        idle,
        starting,
        claiming,
        claimed,
        crashed,
        destroying,
    } = *counts;
    idle + starting + claiming + claimed + crashed + destroying
}

fn held(hold: &Hold, missing: u32) -> ExplainedStep {
    let reason = hold.reason.trim_end_matches('.');
    now(match hold.cause {
        HoldCause::Paused if missing == 0 => {
            format!("It is paused, because {reason}: claimed instances are not replaced.")
        }
        HoldCause::Paused => format!("It is paused, because {reason}."),
        HoldCause::Budget => format!("It creates nothing: {reason}."),
        // The failures follow.
        HoldCause::Failing => {
            "It creates only probes, until one succeeds or a person resumes it.".to_owned()
        }
    })
}

fn failed(failure: &CreationFailure) -> ExplainedStep {
    let times = count_of(failure.failures_in_a_row, "time");
    now(format!(
        "Creations failed {times} in a row ({}): {}. The next try is at {}.",
        failure.cause,
        failure.error.trim_end_matches('.'),
        failure.retry_at.format("%FT%TZ"),
    ))
}

fn held_up(facts: &PoolFacts, missing: u32, total: u32) -> Option<String> {
    if missing == 0 {
        return None;
    }
    if let Some(hold) = &facts.hold {
        return Some(match hold.cause {
            HoldCause::Paused => "the pool is paused".to_owned(),
            HoldCause::Failing => "creations have stopped".to_owned(),
            HoldCause::Budget => "its budget is spent".to_owned(),
        });
    }
    if total >= facts.max_total {
        return Some(format!("the limit is {}", facts.max_total));
    }
    if facts.fleet_total >= facts.fleet_max_total {
        let max = facts.fleet_max_total;
        return Some(format!(
            "all pools together have reached POOL_MAX_TOTAL, which is {max}"
        ));
    }
    let failure = facts.failures.first()?;
    Some(format!("creations fail ({})", failure.cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> PoolFacts {
        PoolFacts {
            name: "default".to_owned(),
            target: 3,
            max_total: 10,
            fleet_total: 5,
            fleet_max_total: 20,
            hold: None,
            reason: "the policy sets 3".to_owned(),
            counts: Counts {
                idle: 3,
                claimed: 2,
                ..Counts::default()
            },
            waiting: 0,
            failures: Vec::new(),
        }
    }

    fn story(facts: &PoolFacts) -> String {
        let story = explain_pool(facts);
        let texts: Vec<_> = story.steps.into_iter().map(|step| step.text).collect();
        texts.join("\n")
    }

    #[test]
    fn a_full_pool_says_what_it_keeps_and_why() {
        let text = story(&facts());
        assert!(
            text.starts_with("It keeps 3 idle: the policy sets 3.\n"),
            "{text}"
        );
        assert!(
            text.contains("3 idle and 0 starting") && text.contains("Nothing is missing."),
            "{text}"
        );
    }

    #[test]
    fn a_hold_of_a_pool_is_explained() {
        let paused = PoolFacts {
            hold: Some(Hold {
                cause: HoldCause::Paused,
                reason: "its policy is set to paused".to_owned(),
                since: None,
                until: None,
            }),
            target: 5,
            ..facts()
        };
        assert!(
            story(&paused).contains("2 instances missing, but not created: the pool is paused.")
        );
        let full = PoolFacts {
            target: 9,
            max_total: 5,
            ..facts()
        };
        assert!(story(&full).contains("the limit is 5"));
        let crowded = PoolFacts {
            target: 9,
            fleet_total: 20,
            ..facts()
        };
        assert!(
            story(&crowded).contains("not created: all pools together have reached POOL_MAX_TOTAL")
        );
        let busy = PoolFacts {
            waiting: 2,
            ..facts()
        };
        assert!(story(&busy).contains("2 instances missing and being created."));
    }

    #[test]
    fn a_failure_that_stops_a_pool_is_named_once() {
        let failure = CreationFailure {
            pool: "default".parse().unwrap(),
            cause: "quota".to_owned(),
            failures_in_a_row: 1,
            retry_at: "2026-11-29T12:10:00Z".parse().unwrap(),
            failed_at: "2026-11-29T12:00:00Z".parse().unwrap(),
            error: "the vendor has no room".to_owned(),
            stopped_at: Some("2026-11-29T12:00:00Z".parse().unwrap()),
        };
        let failures = vec![failure];
        let stopped = PoolFacts {
            hold: crate::pools::hold::stop(&failures, &"default".parse().unwrap()),
            failures,
            ..facts()
        };
        let text = story(&stopped);
        assert_eq!(text.matches("the vendor has no room").count(), 1, "{text}");
        assert!(text.contains("failed 1 time in a row"), "{text}");
    }
}
