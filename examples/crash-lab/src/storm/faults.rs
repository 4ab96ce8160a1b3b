//! Bad days of the vendors.

use std::time::Duration;

use fake_cloud::{Effect, FaultRule, RetryAfter, Times, Vendor};
use rand::Rng as _;
use rand::rngs::StdRng;
use tokio::time::sleep;

use super::Storm;
use super::report::count;

/// Adds faults in each gust, and takes all of them away at its end.
pub(super) async fn make(storm: &Storm, mut chance: StdRng) {
    while storm.next_gust().await {
        while let Some(left) = storm.gust() {
            storm.world.cloud.fault(rule(&mut chance));
            count(&storm.report.faults);
            sleep(Duration::from_millis(chance.random_range(100..1_000)).min(left)).await;
        }
        storm.world.cloud.clear_faults();
        // Minutes of pauses after failures would be a calm. While Postgres is down there are none.
        storm.world.no_pauses().await.ok();
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
