//! Faults of the vendors.

use std::time::Duration;

use fake_cloud::{Effect, FaultRule, RetryAfter, Times, Vendor};
use rand::Rng as _;
use rand::rngs::StdRng;
use tokio::time::sleep;

use super::report::count;
use super::state::Storm;

/// Adds faults in each burst, and clears all of them at its end.
pub(super) async fn make(storm: &Storm, mut chance: StdRng) {
    while storm.next_burst().await {
        while let Some(left) = storm.burst() {
            storm.system.cloud.fault(rule(&mut chance));
            count(&storm.report.faults);
            sleep(Duration::from_millis(chance.random_range(100..1_000)).min(left)).await;
        }
        storm.system.cloud.clear_faults();
        // Otherwise a recovery would wait minutes for the pauses after failures. This fails while Postgres is down.
        storm.system.clear_backoff().await.ok();
    }
}

fn rule(chance: &mut StdRng) -> FaultRule {
    let vendor = Vendor::ALL[chance.random_range(0..Vendor::ALL.len())];
    let effect = match chance.random_range(0..6) {
        0 => Effect::html(502),
        1 => Effect::status(500),
        2 => Effect::status(503),
        3 => Effect::rate_limited(RetryAfter::Seconds(1)),
        4 => Effect::Hang,
        _ => Effect::Cut,
    };
    let rule = FaultRule::new(vendor, effect)
        .times(Times::Count(chance.random_range(1..4)))
        .with_probability(chance.random_range(0.3..1.0));
    if chance.random_bool(0.5) {
        rule.after_effect()
    } else {
        rule
    }
}
