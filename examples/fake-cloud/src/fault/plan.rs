//! The active rules, and the seeded random generator that decides which of them apply.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::rule::{Effect, FaultRule, Phase, Times};
use crate::Vendor;

/// All rules of one cloud. The first rule that matches and passes its probability applies.
#[derive(Debug)]
pub(crate) struct Faults {
    rules: Vec<FaultRule>,
    random: StdRng,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rules: Vec::new(),
            random: StdRng::seed_from_u64(seed),
        }
    }

    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.rules.push(rule);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// The rules that are not used up.
    pub(crate) fn rules(&self) -> &[FaultRule] {
        &self.rules
    }

    /// Takes the rule that applies to this request, if any.
    pub(crate) fn strike(
        &mut self,
        vendor: Vendor,
        operations: &[String],
    ) -> Option<(Effect, Phase)> {
        let random = &mut self.random;
        let index = self.rules.iter().position(|rule| {
            let here = rule
                .operation
                .as_ref()
                .is_none_or(|name| operations.contains(name));
            rule.vendor == vendor && here && random.random::<f64>() < rule.probability
        })?;
        let rule = &mut self.rules[index];
        let effect = rule.effect.clone();
        let phase = if effect.mangles() {
            Phase::After
        } else {
            rule.phase
        };
        match &mut rule.times {
            Times::Count(left) if *left > 1 => *left -= 1,
            Times::Count(_) => drop(self.rules.remove(index)),
            Times::Always => {}
        }
        Some((effect, phase))
    }

    /// A delay of `base` plus at most `jitter`.
    pub(crate) fn delay(&mut self, base: Duration, jitter: Duration) -> Duration {
        base + jitter.mul_f64(self.random.random::<f64>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_strikes_as_often_as_it_says_and_only_where_it_says() {
        let mut faults = Faults::new(1);
        let rule = FaultRule::new(Vendor::Telnyx, Effect::Cut).at("CreateNumberOrder");
        faults.add(rule.times(Times::Count(2)));
        let order = ["CreateNumberOrder".to_owned()];
        assert!(
            faults
                .strike(Vendor::Telnyx, &["GetUserBalance".to_owned()])
                .is_none()
        );
        assert!(faults.strike(Vendor::AgentMail, &order).is_none());
        assert!(faults.strike(Vendor::Telnyx, &order).is_some());
        assert!(faults.strike(Vendor::Telnyx, &order).is_some());
        assert!(faults.strike(Vendor::Telnyx, &order).is_none());
    }

    #[test]
    fn the_same_seed_strikes_the_same_requests() {
        let run = |seed| {
            let mut faults = Faults::new(seed);
            let rule = FaultRule::new(Vendor::Telnyx, Effect::Hang).with_probability(0.5);
            faults.add(rule.times(Times::Always));
            let strikes = (0..40).map(|_| faults.strike(Vendor::Telnyx, &[]).is_some());
            strikes.collect::<Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert!(run(7).contains(&true) && run(7).contains(&false));
    }
}
