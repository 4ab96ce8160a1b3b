//! Waiting for an operation to end.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::settle::LOOK_EVERY;

/// How long an undisturbed operation may take.
pub(super) const DONE_WITHIN: Duration = Duration::from_secs(30);

/// Polls until the condition holds or a service was killed.
pub(super) async fn until(
    triggered: impl Fn() -> bool,
    so: impl AsyncFn() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + DONE_WITHIN;
    while !triggered() && !so().await? {
        anyhow::ensure!(Instant::now() < deadline, "the operation takes too long");
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}
