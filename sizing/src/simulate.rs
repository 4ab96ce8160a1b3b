//! Replays a log of claims under another rule.
//!
//! The replay knows at each moment only what was known then. Warming always takes the same time and always
//! succeeds, and a claim that waits never gives up.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::demand::{HISTORY, Profile, RECENT, dispersion};
use crate::objective::Objective;
use crate::target::{Inputs, decide};

/// An idle instance is surplus only after this many minutes, so that a target that moves up and down by one does not
/// cause instances to be destroyed and created again.
pub const SURPLUS_AFTER: usize = 10;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;

/// How the number of idle instances is decided in a replay.
#[derive(Debug, Clone, Copy)]
pub enum Rule<'a> {
    /// Always the same number.
    Fixed(u32),
    /// Sized each minute.
    Objective(&'a Objective),
}

/// The outcome of a rule.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Claims.
    pub claims: u32,
    /// Claims that found an idle instance.
    pub hits: u32,
    /// The mean wait of the claims that did not.
    pub mean_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// Sum of the idle time of instances, in hours.
    pub idle_hours: f64,
    /// Instances that were warmed.
    pub warmed: u32,
    /// Idle instances that were destroyed because the target fell.
    pub removed: u32,
    /// The target at the beginning of each hour.
    pub targets: Vec<u32>,
}

impl Outcome {
    /// The share of claims that found an idle instance; 1 without claims.
    #[must_use]
    pub fn hit_rate(&self) -> f64 {
        if self.claims == 0 {
            return 1.0;
        }
        f64::from(self.hits) / f64::from(self.claims)
    }
}

/// Replays the claims of `arrivals`, in seconds since 1970 and in order. Those before `from` are only history.
#[must_use]
pub fn simulate(
    arrivals: &[i64],
    from: i64,
    until: i64,
    lead: Duration,
    rule: Rule<'_>,
) -> Outcome {
    let start = arrivals.partition_point(|at| *at < from);
    let end = arrivals.partition_point(|at| *at < until);
    let mut replay = Replay::new(arrivals, lead, rule);
    replay.resize(from);
    replay.idle = replay.target;
    replay.now = from;
    let mut next = start;
    let mut minute = from + MINUTE;
    loop {
        let arrival = arrivals.get(next).copied().filter(|_| next < end);
        let ready = replay.warming.front().copied();
        // Within the same second, instances become ready first, and claims come last.
        let soonest = [ready, Some(minute), arrival].into_iter().flatten().min();
        let at = soonest.unwrap_or(until);
        if at >= until {
            break;
        }
        replay.advance(at);
        if ready == Some(at) {
            replay.become_ready();
        } else if minute == at {
            replay.resize(at);
            minute += MINUTE;
        } else {
            replay.claim();
            next += 1;
        }
        replay.refill();
    }
    replay.advance(until);
    replay.finish()
}

/// The smallest fixed number that has at least this hit rate, and its outcome; `most` if none has.
#[must_use]
pub fn best_fixed(
    arrivals: &[i64],
    from: i64,
    until: i64,
    lead: Duration,
    hit_rate: f64,
    most: u32,
) -> (u32, Outcome) {
    let of = |count| simulate(arrivals, from, until, lead, Rule::Fixed(count));
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = low.midpoint(high);
        if of(middle).hit_rate() >= hit_rate {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    (low, of(low))
}

struct Replay<'a> {
    arrivals: &'a [i64],
    lead: Duration,
    rule: Rule<'a>,
    profile: Option<(i64, Profile, f64)>,
    now: i64,
    target: u32,
    idle: u32,
    /// The last targets.
    targets: VecDeque<u32>,
    /// When the instances being warmed become ready.
    warming: VecDeque<i64>,
    waiting: VecDeque<i64>,
    waited: i64,
    idle_seconds: f64,
    outcome: Outcome,
}

impl<'a> Replay<'a> {
    fn new(arrivals: &'a [i64], lead: Duration, rule: Rule<'a>) -> Self {
        Self {
            arrivals,
            lead,
            rule,
            profile: None,
            now: 0,
            target: 0,
            idle: 0,
            targets: VecDeque::new(),
            warming: VecDeque::new(),
            waiting: VecDeque::new(),
            waited: 0,
            idle_seconds: 0.0,
            outcome: Outcome::default(),
        }
    }

    fn advance(&mut self, at: i64) {
        let passed = u32::try_from(at - self.now).unwrap_or_default();
        self.idle_seconds += f64::from(self.idle) * f64::from(passed);
        self.now = at;
    }

    fn claim(&mut self) {
        self.outcome.claims += 1;
        if self.idle > 0 {
            self.idle -= 1;
            self.outcome.hits += 1;
        } else {
            self.waiting.push_back(self.now);
        }
    }

    fn become_ready(&mut self) {
        self.warming.pop_front();
        match self.waiting.pop_front() {
            None => self.idle += 1,
            Some(since) => {
                let wait = self.now - since;
                self.waited += wait;
                let wait = Duration::from_secs(wait.unsigned_abs());
                self.outcome.longest_wait = self.outcome.longest_wait.max(wait);
            }
        }
    }

    /// Warms what is missing, as the pool does: up to the target, plus one for each waiting claim.
    fn refill(&mut self) {
        let count = |queue: &VecDeque<i64>| u32::try_from(queue.len()).unwrap_or(u32::MAX);
        let wanted = self.target + count(&self.waiting);
        let ready = self.now + i64::try_from(self.lead.as_secs()).unwrap_or(i64::MAX);
        for _ in self.idle + count(&self.warming)..wanted {
            self.warming.push_back(ready);
            self.outcome.warmed += 1;
        }
    }

    fn resize(&mut self, at: i64) {
        self.target = match self.rule {
            Rule::Fixed(count) => count,
            Rule::Objective(objective) => self.sized(objective, at),
        };
        self.targets.push_back(self.target);
        if self.targets.len() > SURPLUS_AFTER {
            self.targets.pop_front();
        }
        let keep = self.targets.iter().copied().max().unwrap_or_default();
        if self.idle > keep {
            self.outcome.removed += self.idle - keep;
            self.idle = keep;
        }
        if at % HOUR < MINUTE {
            self.outcome.targets.push(self.target);
        }
    }

    fn sized(&mut self, objective: &Objective, at: i64) -> u32 {
        let hour = at.div_euclid(HOUR);
        if self.profile.as_ref().is_none_or(|(of, _, _)| *of != hour) {
            let (profile, spread) = self.learn(objective, hour);
            self.profile = Some((hour, profile, spread));
        }
        let Some((_, profile, spread)) = &self.profile else {
            return self.target;
        };
        let now = time(at);
        let recent = self.count(at - seconds(RECENT), at);
        let inputs = Inputs {
            rate: profile.demand(now, self.lead, recent).rate,
            lead: self.lead,
            dispersion: *spread,
            floor: objective.floor_at(now),
            previous: (self.now > 0).then_some(self.target),
        };
        decide(objective, &inputs).target
    }

    /// The profile and the dispersion known before this hour.
    fn learn(&self, objective: &Objective, hour: i64) -> (Profile, f64) {
        let end = hour * HOUR;
        let oldest = self.arrivals.first().copied().unwrap_or(end);
        let begin = (end - seconds(HISTORY))
            .max(oldest.div_euclid(HOUR) * HOUR)
            .min(end);
        let (low, high) = (
            self.arrivals.partition_point(|at| *at < begin),
            self.arrivals.partition_point(|at| *at < end),
        );
        let known = &self.arrivals[low..high];
        let first = begin.div_euclid(HOUR);
        let mut hours = vec![0_u32; usize::try_from(hour - first).unwrap_or_default()];
        let lead = seconds(self.lead).max(1);
        let mut windows: BTreeMap<i64, u32> = BTreeMap::new();
        for at in known {
            if let Ok(index) = usize::try_from(at.div_euclid(HOUR) - first) {
                hours[index] += 1;
            }
            *windows.entry(at.div_euclid(lead) * lead).or_default() += 1;
        }
        let profile = Profile::of_hours(objective.zone, first, &hours);
        let windows: Vec<_> = windows.into_iter().collect();
        let spread = dispersion(&profile, self.lead, &windows, time(begin), time(end));
        (profile, spread)
    }

    fn count(&self, from: i64, until: i64) -> u32 {
        let before = |limit| self.arrivals.partition_point(|at| *at < limit);
        u32::try_from(before(until) - before(from)).unwrap_or(u32::MAX)
    }

    fn finish(mut self) -> Outcome {
        let missed = self.outcome.claims - self.outcome.hits;
        if let Some(missed) = std::num::NonZeroU32::new(missed) {
            let waited = Duration::from_secs(self.waited.unsigned_abs());
            self.outcome.mean_wait = waited / missed.get();
        }
        self.outcome.idle_hours = self.idle_seconds / 3_600.0;
        self.outcome
    }
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

fn time(at: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(at, 0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{self, Trace};

    const LEAD: Duration = Duration::from_secs(60);

    #[test]
    fn a_fixed_number_is_replayed_claim_by_claim() {
        // Two instances; the third claim within a minute waits for the replacement of the first.
        let outcome = simulate(&[100, 110, 120, 300], 60, 660, LEAD, Rule::Fixed(2));
        assert_eq!((outcome.claims, outcome.hits), (4, 3));
        assert_eq!(outcome.longest_wait, Duration::from_secs(40));
        assert_eq!(outcome.mean_wait, Duration::from_secs(40));
        assert_eq!(outcome.warmed, 4);
    }

    #[test]
    fn without_claims_a_pool_of_no_minimum_is_empty() {
        let objective = Objective::new(0.99, 0, 9).unwrap();
        let outcome = simulate(&[], 0, 86_400, LEAD, Rule::Objective(&objective));
        assert!(outcome.idle_hours.abs() < f64::EPSILON, "{outcome:?}");
        assert!((outcome.hit_rate() - 1.0).abs() < f64::EPSILON);
    }

    /// The claim of docs/sizing.md.
    #[test]
    fn on_a_week_with_weekdays_the_objective_is_met_with_fewer_idle_hours_than_the_best_fixed_number()
     {
        let trace = Trace::default();
        let (from, until) = (
            trace::START + 2 * trace::WEEK,
            trace::START + 3 * trace::WEEK,
        );
        let arrivals = trace.arrivals();
        let objective = Objective::new(0.99, 0, 50).unwrap();
        let sized = simulate(&arrivals, from, until, LEAD, Rule::Objective(&objective));
        assert!(sized.hit_rate() >= 0.985, "{}", sized.hit_rate());
        let (_, fixed) = best_fixed(&arrivals, from, until, LEAD, sized.hit_rate(), 50);
        assert!(fixed.hit_rate() >= sized.hit_rate());
        assert!(
            sized.idle_hours < 0.75 * fixed.idle_hours,
            "{} {}",
            sized.idle_hours,
            fixed.idle_hours
        );
    }
}
