//! The story of a pool: what it keeps and why, what it has, and what holds it up.

use agent_pool_core::wire::pool::{
    Counts, CreationFailure, ExplainedStep, Explanation, Hold, HoldCause,
};

use super::{count_of, now};

/// What the story of a pool is made from.
#[derive(Debug, Clone)]
pub(crate) struct PoolFacts {
    pub(crate) name: String,
    pub(crate) target: u32,
    pub(crate) max_total: u32,
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
    } = facts;
    let mut steps = vec![now(format!("It keeps {target} idle: {reason}."))];
    let Counts {
        idle,
        starting,
        claiming,
        claimed,
        crashed,
        destroying,
    } = *counts;
    steps.push(now(format!(
        "It has {idle} idle and {starting} starting; {claiming} being claimed, {claimed} claimed, {crashed} crashed, \
         {destroying} being destroyed."
    )));
    if *waiting > 0 {
        let claims = count_of(*waiting, "claim");
        steps.push(now(format!(
            "{claims} waiting for an instance, so as many more are made."
        )));
    }
    let total = idle + starting + claiming + claimed + crashed + destroying;
    let missing = (target + waiting).saturating_sub(idle + starting);
    let held_up = held_up(facts, missing, total);
    steps.push(now(match (missing, held_up) {
        (0, _) => "Nothing is missing.".to_owned(),
        (_, Some(reason)) => format!(
            "{} missing, and not made: {reason}.",
            count_of(missing, "instance")
        ),
        (_, None) => format!("{} missing, and being made.", count_of(missing, "instance")),
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

fn held(hold: &Hold, missing: u32) -> ExplainedStep {
    let reason = hold.reason.trim_end_matches('.');
    now(match hold.cause {
        HoldCause::Paused if missing == 0 => {
            format!("It is paused, because {reason}: what is claimed is not replaced.")
        }
        HoldCause::Paused => format!("It is paused, because {reason}."),
        HoldCause::Budget => format!("It creates nothing: {reason}."),
        HoldCause::Failing => {
            format!(
                "It creates nothing but probes, until one succeeds or a person resumes it: {reason}."
            )
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
        return Some(format!("there may be {} in all", facts.max_total));
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
            hold: None,
            reason: "3 wanted, as the policy says".to_owned(),
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
        let told = story(&facts());
        assert!(
            told.starts_with("It keeps 3 idle: 3 wanted, as the policy says.\n"),
            "{told}"
        );
        assert!(
            told.contains("3 idle and 0 starting") && told.contains("Nothing is missing."),
            "{told}"
        );
    }

    #[test]
    fn what_holds_a_pool_up_is_said() {
        let paused = PoolFacts {
            hold: Some(Hold {
                cause: HoldCause::Paused,
                reason: "its policy says so".to_owned(),
                since: None,
                until: None,
            }),
            target: 5,
            ..facts()
        };
        assert!(story(&paused).contains("2 instances missing, and not made: the pool is paused."));
        let full = PoolFacts {
            target: 9,
            max_total: 5,
            ..facts()
        };
        assert!(story(&full).contains("there may be 5 in all"));
        let busy = PoolFacts {
            waiting: 2,
            ..facts()
        };
        assert!(story(&busy).contains("2 instances missing, and being made."));
    }
}
