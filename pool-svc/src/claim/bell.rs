//! News from the other replicas: that an instance became idle, that somebody left the queue, that a
//! claim with a key ended.
//!
//! The statements that bring it about send a notification, and each replica listens on one connection
//! of its own. A notification can be lost with that connection: whoever waits for one also looks from
//! time to time.

use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::chain;
use agent_pool_service_kit::db::DbError;
use diesel::sql_query;
use diesel_async::RunQueryDsl;
use futures_util::StreamExt;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::sleep;
use tracing::warn;

use crate::app::App;

/// The subject of news about the queue; other news have a key as their subject, which is never empty.
pub(super) const QUEUE: &str = "";

/// News that nobody has heard yet; who falls behind by more looks, as if all had been for it.
const UNHEARD: usize = 256;
/// Pause before the database is listened to again.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
enum News {
    About(Arc<str>),
    /// Some may have been missed.
    Anything,
}

/// Where this replica hears the news.
#[derive(Debug)]
pub(crate) struct Bell(broadcast::Sender<News>);

impl Default for Bell {
    fn default() -> Self {
        Self(broadcast::Sender::new(UNHEARD))
    }
}

impl Bell {
    /// An ear for what is told from now on.
    pub(super) fn listen(&self) -> Ear {
        Ear(self.0.subscribe())
    }

    /// Whether anybody listens makes no difference.
    fn ring(&self, news: News) {
        let _ = self.0.send(news);
    }
}

/// Hears what a [`Bell`] tells.
pub(super) struct Ear(broadcast::Receiver<News>);

impl Ear {
    /// Returns when there is news about `subject`, or may have been.
    pub(super) async fn hears(&mut self, subject: &str) {
        loop {
            match self.0.recv().await {
                Ok(News::About(it)) if *it != *subject => {}
                Ok(News::About(_) | News::Anything) | Err(RecvError::Lagged(_)) => return,
                Err(RecvError::Closed) => return pending().await,
            }
        }
    }
}

/// Passes on what the database tells, for ever.
pub(super) async fn pass_on(app: &App) -> Infallible {
    loop {
        if let Err(error) = listen(app).await {
            warn!(
                error.chain = chain(&error),
                "claims that wait hear no news: {error}"
            );
        }
        sleep(LISTEN_AGAIN).await;
    }
}

async fn listen(app: &App) -> Result<(), DbError> {
    let Some(mut session) = app.db.listener().await? else {
        // Behind a pooler no notification arrives: whoever waits looks once a second.
        app.bell.ring(News::Anything);
        return Ok(());
    };
    sql_query("LISTEN agent_pool_claims")
        .execute(&mut session)
        .await?;
    app.bell.ring(News::Anything);
    let mut told = pin!(session.notifications_stream());
    while let Some(notification) = told.next().await {
        app.bell.ring(News::About(notification?.payload.into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn an_ear_hears_what_concerns_it_and_what_it_may_have_missed() {
        let bell = Bell::default();
        let mut ear = bell.listen();
        let about = |subject: &str| bell.ring(News::About(subject.into()));
        about(QUEUE);
        about("other");
        assert!(ear.hears("key").now_or_never().is_none());
        about("key");
        assert!(ear.hears("key").now_or_never().is_some());
        bell.ring(News::Anything);
        assert!(ear.hears("key").now_or_never().is_some());
        (0..=UNHEARD).for_each(|_| about(QUEUE));
        assert!(ear.hears("key").now_or_never().is_some());
        assert!(ear.hears("key").now_or_never().is_none());
    }
}
