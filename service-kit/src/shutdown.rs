//! The end of the process, announced to all who have something to finish.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::info;

/// Says once, to every clone, that the process is to end, and how long it may take.
#[derive(Debug, Clone)]
pub struct Shutdown {
    announced: CancellationToken,
    at: Arc<OnceLock<Instant>>,
    limit: Duration,
}

/// What everything in flight has where nothing else is said.
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
    /// One that only [`Shutdown::trigger`] sets off.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, where everything in flight has `limit` from the moment when it is set off.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// One that SIGTERM and SIGINT set off.
    ///
    /// # Errors
    /// The signals cannot be listened to.
    pub fn on_signals() -> io::Result<Self> {
        let shutdown = Self::new();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let triggered = shutdown.clone();
        tokio::spawn(async move {
            let signal = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            info!("{signal} received: finishing what is in flight");
            triggered.trigger();
        });
        Ok(shutdown)
    }

    /// Sets it off.
    pub fn trigger(&self) {
        self.at.get_or_init(Instant::now);
        self.announced.cancel();
    }

    /// Whether it was set off.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        self.announced.is_cancelled()
    }

    /// How long what is in flight still has. All of it until it was set off.
    #[must_use]
    pub fn left(&self) -> Duration {
        let since = self.at.get().map_or(Duration::ZERO, Instant::elapsed);
        self.limit.saturating_sub(since)
    }

    /// Waits until it is set off.
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
    async fn the_time_that_is_left_runs_from_the_moment_when_it_is_set_off() {
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
    async fn every_clone_hears_of_it() {
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
