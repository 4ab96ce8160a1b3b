//! Notifications from other replicas, forwarded to the claims of this one.
//!
//! A notification can be lost with the connection, so every receiver also polls.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::chain;
use agent_pool_service_kit::db::{Db, DbError};
use futures_util::StreamExt;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::sleep;
use tracing::warn;

use crate::db::listen::listen;

/// The topic of the queue of claims. Every other topic is an idempotency key, which is never empty.
pub(super) const QUEUE: &str = "";

/// How many notifications a subscriber may lag behind. A subscriber that lags further treats all of them as its own.
const BACKLOG: usize = 256;
/// Pause before reconnecting.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
enum Notification {
    About(Arc<str>),
    /// Some notifications may have been missed.
    Unknown,
}

/// Where claims subscribe to notifications. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Listener(broadcast::Sender<Notification>);

impl Default for Listener {
    fn default() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }
}

impl Listener {
    /// Subscribes to everything from now on.
    pub(super) fn subscribe(&self) -> Subscription {
        Subscription(self.0.subscribe())
    }

    /// Without subscribers this does nothing.
    fn publish(&self, notification: Notification) {
        let _ = self.0.send(notification);
    }

    /// Forwards notifications from the database until dropped.
    pub(super) async fn keep_listening(&self, db: &Db) {
        loop {
            if let Err(error) = self.listen(db).await {
                warn!(
                    error.chain = chain(&error),
                    "claims that wait receive no notifications: {error}"
                );
            }
            sleep(RECONNECT_PAUSE).await;
        }
    }

    async fn listen(&self, db: &Db) -> Result<(), DbError> {
        let session = listen(db).await?;
        self.publish(Notification::Unknown);
        // Without notifications, wake every subscriber once per pause.
        let Some(mut session) = session else {
            return Ok(());
        };
        let mut payloads = pin!(session.payloads());
        while let Some(payload) = payloads.next().await {
            self.publish(Notification::About(payload?.into()));
        }
        Ok(())
    }
}

/// Receives what a [`Listener`] forwards.
pub(super) struct Subscription(broadcast::Receiver<Notification>);

impl Subscription {
    /// Returns when there was, or may have been, a notification about `topic`.
    pub(super) async fn notified(&mut self, topic: &str) {
        loop {
            match self.0.recv().await {
                Ok(Notification::About(it)) if *it != *topic => {}
                Ok(Notification::About(_) | Notification::Unknown) | Err(RecvError::Lagged(_)) => {
                    return;
                }
                Err(RecvError::Closed) => return std::future::pending().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_subscriber_is_told_of_its_topic_and_of_what_it_may_have_missed() {
        let listener = Listener::default();
        let mut subscription = listener.subscribe();
        let about = |topic: &str| listener.publish(Notification::About(topic.into()));
        about(QUEUE);
        about("other");
        assert!(subscription.notified("key").now_or_never().is_none());
        about("key");
        assert!(subscription.notified("key").now_or_never().is_some());
        listener.publish(Notification::Unknown);
        assert!(subscription.notified("key").now_or_never().is_some());
        (0..=BACKLOG).for_each(|_| about(QUEUE));
        assert!(subscription.notified("key").now_or_never().is_some());
        assert!(subscription.notified("key").now_or_never().is_none());
    }
}
