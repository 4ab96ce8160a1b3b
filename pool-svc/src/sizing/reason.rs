//! A decision as a sentence.

use agent_pool_core::wire::pool::HitRate;
use agent_pool_sizing::{Bound, Decision, Inputs, Objective};

/// The word of a bound, in the database and in JSON.
pub(super) const fn word(bound: Bound) -> &'static str {
    match bound {
        Bound::Demand => "demand",
        Bound::Min => "min",
        Bound::Floor => "floor",
        Bound::Max => "max",
        Bound::StepUp => "step_up",
        Bound::StepDown => "step_down",
    }
}

/// Such as `7 needed for 2.1 claims a minute, 46 s to warm one and a hit rate of 99%`.
pub(super) fn sentence(
    hit_rate: HitRate,
    objective: &Objective,
    inputs: &Inputs,
    decision: &Decision,
) -> String {
    let Decision { target, wanted, .. } = decision;
    let per_minute = inputs.rate * 60.0;
    let lead = inputs.lead.as_secs_f64();
    let demand = format!(
        "{wanted} needed for {per_minute:.1} claims a minute, {lead:.0} s to warm one and a hit rate of {hit_rate}"
    );
    let spread = if inputs.dispersion > 1.05 {
        format!(
            ", claims come in bursts (variance {:.1} times the mean)",
            inputs.dispersion
        )
    } else {
        String::new()
    };
    let bound = match decision.bound {
        Bound::Demand => String::new(),
        Bound::Min => format!("; {target} is the minimum"),
        Bound::Floor => format!("; the schedule sets a floor of {target} now"),
        Bound::Max => format!("; {} is the maximum", objective.max),
        Bound::StepUp => format!("; limited to {target} by the step up"),
        Bound::StepDown => format!("; limited to {target} by the step down"),
    };
    format!("{demand}{spread}{bound}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use agent_pool_sizing::decide;

    use super::*;

    #[test]
    fn a_decision_reads_as_a_sentence() {
        let objective = Objective::new(0.99, 0, 50).unwrap();
        let inputs = Inputs {
            rate: 2.1 / 60.0,
            lead: Duration::from_secs(46),
            dispersion: 1.0,
            floor: 0,
            previous: None,
        };
        let text_of = |objective: &Objective, inputs: &Inputs| {
            sentence(
                "99%".parse().unwrap(),
                objective,
                inputs,
                &decide(objective, inputs),
            )
        };
        assert_eq!(
            text_of(&objective, &inputs),
            "6 needed for 2.1 claims a minute, 46 s to warm one and a hit rate of 99%"
        );
        let floor = Inputs {
            floor: 12,
            dispersion: 2.0,
            ..inputs
        };
        let text = text_of(&objective, &floor);
        assert!(
            text.contains("2.0 times the mean")
                && text.ends_with("the schedule sets a floor of 12 now"),
            "{text}"
        );
    }
}
