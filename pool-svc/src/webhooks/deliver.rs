//! The loop that delivers messages, and the work of one endpoint.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agent_pool_core::chain;
use agent_pool_service_kit::db::DbError;
use futures_util::future::join_all;
use metrics::counter;
use tokio::time::sleep;
use tracing::{info, warn};

use super::empty::check_empty;
use super::schedule::pause_after;
use super::send::{Attempt, Sender};
use super::target::Reach;
use crate::app::App;
use crate::background::Background;
use crate::db::webhooks::{self, DueDelivery, Outcome};

/// Pause between two checks for messages.
const PERIOD: Duration = Duration::from_secs(1);
/// Concurrent messages to one endpoint.
const AT_ONCE: u16 = 8;
/// How much longer than an attempt a replica holds a message.
const LEASE_MARGIN: Duration = Duration::from_secs(15);
/// Checks between two prunings of the log.
const PRUNE_EVERY: u32 = 600;

/// Delivers messages until shutdown.
pub(crate) fn keep_delivering(app: &App, background: &Background) {
    let (app, tasks) = (app.clone(), background.tasks.clone());
    background.tasks.keep("webhooks", move |shutdown| {
        let deliverer = Deliverer::new(app.clone());
        let tasks = tasks.clone();
        async move {
            let mut looks = 0_u32;
            loop {
                if let Err(error) = deliverer.look(&tasks, looks).await {
                    warn!(error.chain = chain(&error), "webhooks are delayed: {error}");
                }
                looks = looks.wrapping_add(1);
                tokio::select! {
                    () = sleep(PERIOD) => {}
                    () = shutdown.wait() => return,
                }
            }
        }
    });
}

#[derive(Debug, Clone)]
struct Deliverer {
    app: App,
    sender: Option<Sender>,
    /// Endpoints that this process is working on. A slow one does not delay the others.
    busy: Arc<Mutex<HashSet<String>>>,
}

impl Deliverer {
    fn new(app: App) -> Self {
        let pool = &app.config.pool;
        let reach = if pool.pool_webhook_private_targets {
            Reach::Anywhere
        } else {
            Reach::Public
        };
        let sender = Sender::new(reach, pool.pool_webhook_timeout_ms.duration());
        let sender = sender.inspect_err(|error| warn!("webhooks cannot be sent: {error}"));
        Self {
            sender: sender.ok(),
            busy: Arc::default(),
            app,
        }
    }

    async fn look(
        &self,
        tasks: &agent_pool_service_kit::supervisor::Supervisor,
        looks: u32,
    ) -> Result<(), DbError> {
        let mut conn = self.app.db.conn().await?;
        let busy: Vec<String> = self.busy().iter().cloned().collect();
        let found = webhooks::find_due(&mut conn, &busy).await?;
        if !found.any {
            return Ok(());
        }
        check_empty(&mut conn, &self.app).await?;
        if looks.is_multiple_of(PRUNE_EVERY) {
            webhooks::prune(&mut conn, self.app.config.pool.pool_events_keep_days).await?;
        }
        drop(conn);
        let Some(sender) = &self.sender else {
            return Ok(());
        };
        for endpoint in found.due {
            let work = self.clone().work(sender.clone(), endpoint);
            drop(tasks.spawn("webhook", work));
        }
        Ok(())
    }

    fn busy(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Delivers the due messages of one endpoint.
    async fn work(self, sender: Sender, endpoint: String) {
        if !self.busy().insert(endpoint.clone()) {
            return;
        }
        if let Err(error) = self.deliver_all(&sender, &endpoint).await {
            let error = chain(&error);
            warn!("messages to webhook {endpoint} are retried later: {error}");
        }
        self.busy().remove(&endpoint);
    }

    async fn deliver_all(&self, sender: &Sender, endpoint: &str) -> Result<(), DbError> {
        let lease = self.app.config.pool.pool_webhook_timeout_ms.duration() + LEASE_MARGIN;
        loop {
            let mut conn = self.app.db.conn().await?;
            let taken = webhooks::take_due(&mut conn, endpoint, AT_ONCE, lease).await?;
            drop(conn);
            if taken.is_empty() {
                return Ok(());
            }
            let attempts = taken
                .into_iter()
                .map(|due| attempt(self.clone(), sender.clone(), due));
            let mut gone = false;
            for (due, attempt) in join_all(attempts).await {
                gone |= attempt == Attempt::Gone;
                self.record(&due, attempt).await?;
            }
            if gone {
                webhooks::disable(&mut *self.app.db.conn().await?, endpoint).await?;
                info!("webhook {endpoint} answered 410 Gone and is disabled");
                return Ok(());
            }
        }
    }

    async fn record(&self, due: &DueDelivery, attempt: Attempt) -> Result<(), DbError> {
        let (outcome, word) = match attempt {
            Attempt::Delivered(status) => (Outcome::Delivered { status }, "delivered"),
            Attempt::Gone => (
                Outcome::GivenUp {
                    status: Some(410),
                    error: "it answered 410 Gone".to_owned(),
                },
                "gone",
            ),
            Attempt::Failed { status, error } => {
                match pause_after(due.attempts(), rand::random()) {
                    Some(pause) => (
                        Outcome::Again {
                            pause,
                            status,
                            error,
                        },
                        "failed",
                    ),
                    None => (Outcome::GivenUp { status, error }, "given_up"),
                }
            }
        };
        counter!("agent_pool_webhooks_total", "outcome" => word).increment(1);
        webhooks::record(&mut *self.app.db.conn().await?, due.id, &outcome).await
    }
}

/// Owns its data, because several of these run concurrently.
async fn attempt(deliverer: Deliverer, sender: Sender, due: DueDelivery) -> (DueDelivery, Attempt) {
    let attempt = sender.attempt(&deliverer.app.config.cipher, &due).await;
    (due, attempt)
}
