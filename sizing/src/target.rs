//! The decision: how many instances to keep idle. A new rule belongs in [`decide`], with a [`Bound`] that names it and
//! the sentence in pool-svc's `sizing/reason.rs`.

use std::time::Duration;

use crate::objective::Objective;
use crate::quantile::quantile;

/// The inputs of a decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inputs {
    /// Expected claims per second.
    pub rate: f64,
    /// The time to warm an instance.
    pub lead: Duration,
    /// The variance of the claims in that time over their mean; 1 for Poisson.
    pub dispersion: f64,
    /// The floor of the schedule.
    pub floor: u32,
    /// The previous decision.
    pub previous: Option<u32>,
}

/// A decision, with its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// How many to keep idle.
    pub target: u32,
    /// How many the demand alone requires.
    pub wanted: u32,
    /// What determined the target.
    pub bound: Bound,
}

/// What determined a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The demand.
    Demand,
    /// The minimum.
    Min,
    /// The floor of the schedule.
    Floor,
    /// The maximum.
    Max,
    /// The maximum step up.
    StepUp,
    /// The maximum step down.
    StepDown,
}

/// Decides how many instances to keep idle.
///
/// The instance of each claim is replaced at once, which takes the lead time. A claim finds one idle if fewer than
/// `target` claims came during the lead time before it, so the target is the smallest number for which that is as
/// probable as the hit rate: one more than the quantile of the claims in a lead time.
///
/// More demand or a longer lead time never lowers the target; it is never above the maximum; without demand it falls to
/// the minimum or the floor.
#[must_use]
pub fn decide(objective: &Objective, inputs: &Inputs) -> Decision {
    let mean = inputs.rate * inputs.lead.as_secs_f64();
    let wanted = if mean > 0.0 {
        quantile(mean, inputs.dispersion, objective.hit_rate, objective.max).saturating_add(1)
    } else {
        0
    };
    let (lowest, low_bound) = if inputs.floor > objective.min {
        (inputs.floor.min(objective.max), Bound::Floor)
    } else {
        (objective.min, Bound::Min)
    };
    let (mut target, mut bound) = if wanted > objective.max {
        (objective.max, Bound::Max)
    } else if wanted < lowest {
        (lowest, low_bound)
    } else {
        (wanted, Bound::Demand)
    };
    if let Some(previous) = inputs.previous {
        // Floors and bounds are applied after the steps: they are guarantees, while steps only smooth the demand.
        let highest = objective
            .step_up
            .map(|step| previous.saturating_add(step).max(lowest));
        let deepest = objective
            .step_down
            .map(|step| previous.saturating_sub(step).min(objective.max));
        if highest.is_some_and(|highest| target > highest) {
            (target, bound) = (highest.unwrap_or(target), Bound::StepUp);
        } else if deepest.is_some_and(|deepest| target < deepest) {
            (target, bound) = (deepest.unwrap_or(target), Bound::StepDown);
        }
    }
    Decision {
        target,
        wanted,
        bound,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn objectives() -> impl Strategy<Value = Objective> {
        let step = || prop::option::of(1_u32..20);
        (0.5..0.9999, 0_u32..20, 0_u32..200, step(), step()).prop_map(
            |(hit_rate, min, more, step_up, step_down)| Objective {
                step_up,
                step_down,
                ..Objective::new(hit_rate, min, min + more).unwrap()
            },
        )
    }

    fn inputs() -> impl Strategy<Value = Inputs> {
        (
            0.0..2.0,
            0_u64..900,
            1.0..6.0,
            0_u32..40,
            prop::option::of(0_u32..300),
        )
            .prop_map(|(rate, lead, dispersion, floor, previous)| Inputs {
                rate,
                lead: Duration::from_secs(lead),
                dispersion,
                floor,
                previous,
            })
    }

    proptest! {
        #[test]
        fn more_demand_or_a_longer_lead_time_never_lowers_the_target(
            objective in objectives(), inputs in inputs(), more in 1.0..3.0
        ) {
            let base = decide(&objective, &inputs).target;
            let busier = Inputs { rate: inputs.rate * more + 0.001, ..inputs };
            prop_assert!(decide(&objective, &busier).target >= base);
            let slower = Inputs { lead: inputs.lead.mul_f64(more), ..inputs };
            prop_assert!(decide(&objective, &slower).target >= base);
        }

        #[test]
        fn the_target_is_never_above_the_maximum_nor_below_the_floor(
            objective in objectives(), inputs in inputs()
        ) {
            let target = decide(&objective, &inputs).target;
            prop_assert!(target <= objective.max);
            prop_assert!(target >= objective.min.max(inputs.floor.min(objective.max)));
        }

        #[test]
        fn without_demand_the_target_ends_at_the_floor(
            objective in objectives(), inputs in inputs()
        ) {
            let mut inputs = Inputs { rate: 0.0, ..inputs };
            for _ in 0..400 {
                inputs.previous = Some(decide(&objective, &inputs).target);
            }
            prop_assert_eq!(inputs.previous, Some(objective.min.max(inputs.floor.min(objective.max))));
        }

        #[test]
        fn a_step_is_kept_unless_the_bounds_forbid_it(
            objective in objectives(), inputs in inputs(), previous in 0_u32..300
        ) {
            let inputs = Inputs { previous: Some(previous), ..inputs };
            let target = decide(&objective, &inputs).target;
            let lowest = objective.min.max(inputs.floor.min(objective.max));
            if let Some(step) = objective.step_up {
                prop_assert!(target <= (previous + step).max(lowest));
            }
            if let Some(step) = objective.step_down {
                prop_assert!(target >= previous.saturating_sub(step).min(objective.max));
            }
        }
    }

    #[test]
    fn the_bound_says_what_decided() {
        let objective = Objective {
            step_up: Some(2),
            step_down: Some(1),
            ..Objective::new(0.99, 1, 10).unwrap()
        };
        let base = Inputs {
            rate: 2.0 / 60.0,
            lead: Duration::from_secs(45),
            dispersion: 1.0,
            floor: 0,
            previous: None,
        };
        for (inputs, target, bound) in [
            (base, 6, Bound::Demand),
            (Inputs { rate: 0.0, ..base }, 1, Bound::Min),
            (Inputs { floor: 8, ..base }, 8, Bound::Floor),
            (Inputs { rate: 1.0, ..base }, 10, Bound::Max),
            (
                Inputs {
                    previous: Some(2),
                    ..base
                },
                4,
                Bound::StepUp,
            ),
            (
                Inputs {
                    previous: Some(9),
                    ..base
                },
                8,
                Bound::StepDown,
            ),
        ] {
            let decision = decide(&objective, &inputs);
            assert_eq!(
                (decision.target, decision.bound),
                (target, bound),
                "{inputs:?}"
            );
        }
    }
}
