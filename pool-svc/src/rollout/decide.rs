//! Decides the next step of a roll-out. A pure function of the rows.

use agent_pool_core::wire::pool::{Rollout, RolloutState, Status};
use agent_pool_core::{InstanceId, RecipeHash};

use crate::db::rollouts::{CanaryRow, Facts, Record};
use crate::lifecycle::Cause;

/// Causes that do not depend on the recipe: another canary is made.
const UNRELATED: [Cause; 6] = [
    Cause::ShutDown,
    Cause::Killed,
    Cause::Drained,
    Cause::Surplus,
    Cause::Replaced,
    Cause::LeaseExpired,
];

/// The next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    Nothing,
    /// A roll-out from this recipe begins.
    Begin(RecipeHash),
    /// It would go back to a recipe that was left a short time ago: it is recorded as stopped until a person retries
    /// it.
    Refuse(RecipeHash),
    /// The recipe changed again.
    Supersede,
    MakeCanary,
    /// The canary is idle: the others are replaced.
    Roll,
    /// It stops for this reason.
    Stop(String),
    /// It waits for this reason.
    Wait(String),
    Finish,
}

/// The state from which the next step is decided.
#[derive(Debug, Clone)]
pub(super) struct Situation<'a> {
    /// The recipe from which an instance would be made now.
    pub(super) recipe: &'a RecipeHash,
    /// Whether the pool creates no instances on its own.
    pub(super) paused: bool,
    pub(super) facts: &'a Facts,
    /// The latest roll-out of the pool.
    pub(super) latest: Option<&'a Rollout>,
    pub(super) canary: Option<&'a CanaryRow>,
    pub(super) record: Record,
}

pub(super) fn decide(situation: &Situation<'_>) -> Next {
    let Situation {
        recipe,
        paused,
        facts,
        ..
    } = situation;
    match situation.latest {
        Some(rollout) if is_active(rollout.state) => {
            if rollout.to != **recipe {
                Next::Supersede
            } else if *paused {
                Next::Wait("the pool is paused, or its budget is spent".to_owned())
            } else if rollout.state == RolloutState::Canary {
                judge_canary(situation, rollout)
            } else if facts.outdated == 0 && facts.outdated_starting == 0 {
                Next::Finish
            } else {
                Next::Roll
            }
        }
        latest => begin(situation, latest),
    }
}

const fn is_active(state: RolloutState) -> bool {
    matches!(state, RolloutState::Canary | RolloutState::Rolling)
}

fn begin(situation: &Situation<'_>, latest: Option<&Rollout>) -> Next {
    let Some(from) = &situation.facts.from else {
        return Next::Nothing;
    };
    if situation.paused || situation.record.was_stopped {
        return Next::Nothing;
    }
    match latest {
        // An instance of the old recipe became idle again, for example after a claim that was undone.
        Some(rollout) if rollout.to == *situation.recipe && rollout.state == RolloutState::Done => {
            Next::Roll
        }
        _ if situation.record.was_left => Next::Refuse(from.clone()),
        _ => Next::Begin(from.clone()),
    }
}

fn judge_canary(situation: &Situation<'_>, rollout: &Rollout) -> Next {
    if situation.facts.current > 0 {
        return Next::Roll;
    }
    let (Some(id), Some(row)) = (&rollout.canary, situation.canary) else {
        return Next::MakeCanary;
    };
    let status = row.status.as_deref();
    // A canary that was claimed or has crashed since it became idle has proven the recipe too.
    match status.and_then(|word| Status::ALL.into_iter().find(|one| one.as_str() == word)) {
        Some(Status::Starting) => Next::Wait(format!("its canary {id} is being created")),
        Some(Status::Idle | Status::Claiming | Status::Claimed | Status::Crashed) => {
            match &row.made_from {
                Some(made_from) if made_from == situation.recipe.as_str() => Next::Roll,
                Some(other) => Next::Stop(format!(
                    "its canary {id} was made from recipe {other}: do all replicas of Services have the same settings?"
                )),
                None => Next::Stop(format!(
                    "Services did not report the recipe of its canary {id}"
                )),
            }
        }
        Some(Status::Destroying) | None => judge_condemned(id, row),
    }
}

fn judge_condemned(id: &InstanceId, row: &CanaryRow) -> Next {
    let condemned = row.condemned.as_deref();
    let unrelated = |cause: &str| UNRELATED.iter().any(|one| one.as_str() == cause);
    match condemned {
        Some(cause) if !unrelated(cause) => {
            let error = row.error.as_ref();
            let error = error.map_or_else(String::new, |error| format!(": {error}"));
            Next::Stop(format!(
                "its canary {id} did not become ready ({cause}){error}"
            ))
        }
        _ => Next::MakeCanary,
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;

    fn hash(end: char) -> RecipeHash {
        format!("000000000000000{end}").parse().unwrap()
    }

    fn rollout(to: char, state: RolloutState) -> Rollout {
        Rollout {
            from: hash('a'),
            to: hash(to),
            state,
            cause: None,
            canary: Some("k3v9x0a1b2c3".parse().unwrap()),
            replaced: 0,
            remaining: 0,
            changed_by: None,
            begun_at: Utc::now(),
            changed_at: Utc::now(),
        }
    }

    /// Three idle ones of recipe `a`.
    fn old() -> Facts {
        Facts {
            idle: 3,
            outdated: 3,
            from: Some(hash('a')),
            ..Facts::default()
        }
    }

    fn row(status: Option<&str>, made_from: Option<char>, condemned: Option<&str>) -> CanaryRow {
        CanaryRow {
            status: status.map(ToOwned::to_owned),
            made_from: made_from.map(|end| hash(end).to_string()),
            condemned: condemned.map(ToOwned::to_owned),
            error: Some("no such image".to_owned()),
        }
    }

    /// The next step of a roll-out to recipe `b`.
    fn next(latest: Option<&Rollout>, facts: &Facts, canary: Option<&CanaryRow>) -> Next {
        next_after(latest, facts, canary, Record::default())
    }

    fn next_after(
        latest: Option<&Rollout>,
        facts: &Facts,
        canary: Option<&CanaryRow>,
        record: Record,
    ) -> Next {
        decide(&Situation {
            recipe: &hash('b'),
            paused: false,
            facts,
            latest,
            canary,
            record,
        })
    }

    #[test]
    fn a_roll_out_begins_when_an_idle_one_is_of_another_recipe() {
        assert_eq!(next(None, &old(), None), Next::Begin(hash('a')));
        assert_eq!(next(None, &Facts::default(), None), Next::Nothing);
        let before = rollout('a', RolloutState::Done);
        assert_eq!(next(Some(&before), &old(), None), Next::Begin(hash('a')));
    }

    #[test]
    fn a_stopped_or_recent_recipe_needs_an_operator() {
        let stopped = Record {
            was_stopped: true,
            was_left: false,
        };
        assert_eq!(next_after(None, &old(), None, stopped), Next::Nothing);
        let left = Record {
            was_stopped: false,
            was_left: true,
        };
        let refused = Next::Refuse(hash('a'));
        assert_eq!(next_after(None, &old(), None, left), refused);
    }

    #[test]
    fn one_that_came_back_is_replaced_without_another_canary() {
        let done = rollout('b', RolloutState::Done);
        assert_eq!(next(Some(&done), &old(), None), Next::Roll);
    }

    #[test]
    fn another_recipe_supersedes_a_roll_out() {
        for state in [RolloutState::Canary, RolloutState::Rolling] {
            let other = rollout('c', state);
            assert_eq!(next(Some(&other), &old(), None), Next::Supersede);
        }
    }

    #[test]
    fn the_canary_decides() {
        let canary = rollout('b', RolloutState::Canary);
        let after = |row: &CanaryRow| next(Some(&canary), &old(), Some(row));
        assert!(matches!(
            after(&row(Some("starting"), None, None)),
            Next::Wait(_)
        ));
        for status in ["idle", "claiming", "claimed", "crashed"] {
            assert_eq!(after(&row(Some(status), Some('b'), None)), Next::Roll);
            assert!(matches!(
                after(&row(Some(status), Some('c'), None)),
                Next::Stop(_)
            ));
        }
        for cause in [
            "creation_failed",
            "deployment_dead",
            "unreachable",
            "unhealthy_at_claim",
        ] {
            for status in [Some("destroying"), None] {
                let Next::Stop(why) = after(&row(status, None, Some(cause))) else {
                    panic!("{cause}");
                };
                assert!(
                    why.contains("k3v9x0a1b2c3") && why.contains("no such image"),
                    "{why}"
                );
            }
        }
        for cause in ["shut_down", "killed", "drained"] {
            assert_eq!(after(&row(None, None, Some(cause))), Next::MakeCanary);
        }
        let proven = Facts {
            current: 1,
            ..old()
        };
        assert_eq!(next(Some(&canary), &proven, None), Next::Roll);
    }

    #[test]
    fn it_is_done_when_nothing_of_an_old_recipe_is_left_or_still_to_come() {
        let rolling = rollout('b', RolloutState::Rolling);
        assert_eq!(next(Some(&rolling), &old(), None), Next::Roll);
        let to_come = Facts {
            starting: 1,
            outdated_starting: 1,
            ..Facts::default()
        };
        assert_eq!(next(Some(&rolling), &to_come, None), Next::Roll);
        assert_eq!(next(Some(&rolling), &Facts::default(), None), Next::Finish);
    }
}
