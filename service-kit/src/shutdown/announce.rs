//! Announces the end of the process to all work in progress.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Notifies every clone, once, that the process is ending, and how long that may take.
#[derive(Debug, Clone)]
pub struct Shutdown {
    announced: CancellationToken,
    at: Arc<OnceLock<Instant>>,
    limit: Duration,
}

/// The default time for work in flight.
const LIMIT: Duration = Duration::from_mins(2);

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            announced: CancellationToken::new(),
            at: Arc::default(),
            limit: LIMIT,
        }
    }
}

impl Shutdown {
    /// A shutdown that only [`Shutdown::trigger`] triggers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the time limit for work in flight, counted from the trigger.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Triggers it.
    pub fn trigger(&self) {
        self.at.get_or_init(Instant::now);
        self.announced.cancel();
    }

    /// Whether it was triggered.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        self.announced.is_cancelled()
    }

    /// How long work in flight may still take: the whole limit until it is triggered.
    #[must_use]
    pub fn left(&self) -> Duration {
        let since = self.at.get().map_or(Duration::ZERO, Instant::elapsed);
        self.limit.saturating_sub(since)
    }

    /// Waits until it is triggered.
    ///
    /// # Cancellation
    /// May be dropped and called again.
    pub async fn wait(&self) {
        self.announced.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_remaining_time_runs_from_the_trigger() {
        let (limit, second) = (Duration::from_secs(9), Duration::from_secs(1));
        let shutdown = Shutdown::new().within(limit);
        tokio::time::advance(second).await;
        assert_eq!(shutdown.left(), limit);
        shutdown.trigger();
        tokio::time::advance(second).await;
        shutdown.trigger();
        assert_eq!(shutdown.clone().left(), limit - second);
        tokio::time::advance(limit).await;
        assert_eq!(shutdown.left(), Duration::ZERO);
    }

    #[tokio::test]
    async fn every_clone_is_notified() {
        let shutdown = Shutdown::new();
        let waiting = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.wait().await }
        });
        assert!(!shutdown.is_triggered());
        shutdown.trigger();
        waiting.await.unwrap();
        assert!(shutdown.is_triggered());
    }
}
