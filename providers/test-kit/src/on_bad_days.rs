use std::future::Future;

use fake_cloud::CloudState;
use tokio::task::JoinSet;

use crate::Lab;
use crate::bad_day::{BadDay, bad_days};

/// Checks a provider for every failure at each of `steps` (operations of a provision) and at `removal`: the right error, one
/// call and no more, one resource after the next attempt, and none after its destruction. `held` counts the vendor's
/// resources.
pub async fn on_bad_days<F>(
    lab: impl Fn() -> F + Send + Sync + 'static,
    steps: &'static [&'static str],
    removal: &'static str,
    held: fn(&CloudState) -> usize,
) where
    F: Future<Output = Lab> + Send + 'static,
{
    for day in bad_days() {
        // Before the first test, because starting them takes a part of the time of a test that has a deadline.
        let mut labs = Vec::new();
        for step in steps {
            labs.push((lab().await, step));
        }
        let mut tests = JoinSet::new();
        for (lab, step) in labs {
            let day = day.clone();
            tests.spawn(async move { one_day(lab, &day, step, removal, held).await });
        }
        tests.join_all().await;
    }
}

async fn one_day(
    lab: Lab,
    day: &BadDay,
    step: &str,
    removal: &str,
    held: fn(&CloudState) -> usize,
) {
    let (name, held) = (day.name, || held(&lab.cloud.state()));
    lab.fail_next(step, day.effect.clone());
    day.check(&lab.provision_on(day).await.unwrap_err(), step);
    assert_eq!(lab.calls(step), 1, "{name} at {step}");
    let tool = lab.provision().await.unwrap();
    assert_eq!(held(), 1, "{name} at {step}");
    lab.fail_next(removal, day.effect.clone());
    day.check(&lab.destroy_on(day, &tool).await.unwrap_err(), removal);
    lab.destroy(&tool).await.unwrap();
    assert_eq!(held(), 0, "{name} at {step}");
    lab.assert_requests_documented();
}
