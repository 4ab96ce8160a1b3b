//! Critical sections that all replicas share, as rows.
//!
//! The callers of one replica queue for a section among themselves, so that the next one enters as soon as it is left.
//! The row is polled only if another replica is in the section.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use agent_pool_core::{
    Effect, Entry, ErrorKind, InstanceId, ProviderError, Section, Sections, chain,
};
use agent_pool_service_kit::db::{Db, DbError};
use agent_pool_service_kit::supervisor::Supervisor;
use async_trait::async_trait;
use tokio::sync::{OwnedMutexGuard, oneshot};
use tokio::time::timeout;
use tracing::warn;

use crate::db::sections;

/// How long a dead holder keeps others out. A live one renews its lease.
const LEASE: Duration = Duration::from_secs(6);
/// How often a holder renews its lease.
const RENEWAL: Duration = Duration::from_secs(2);
/// How soon to check an occupied section again.
const HELD_PAUSE: Duration = Duration::from_millis(200);
/// How long a caller queues in this replica before its deadline is checked again.
const QUEUE_FOR: Duration = Duration::from_secs(1);
/// Shortest pause, so that the database is not polled in a tight loop at the end of a spacing.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// The sections of all replicas that share a database.
#[derive(Debug)]
pub(crate) struct SharedSections {
    db: Db,
    /// Runs the renewals; shutdown waits until all sections are left.
    supervisor: Supervisor,
    /// The queue of this replica for each section. There are few: an account or an environment each.
    queues: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl SharedSections {
    pub(crate) fn new(db: Db, supervisor: Supervisor) -> Self {
        Self {
            db,
            supervisor,
            queues: Mutex::default(),
        }
    }

    /// Waits for the turn in this replica; `None` after [`QUEUE_FOR`].
    async fn turn(&self, name: &str) -> Option<OwnedMutexGuard<()>> {
        let queue = {
            let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(queues.entry(name.to_owned()).or_default())
        };
        timeout(QUEUE_FOR, queue.lock_owned()).await.ok()
    }

    /// Enters, or returns how soon to try again.
    async fn try_as(&self, name: &str, holder: &str) -> Result<Option<Duration>, DbError> {
        let mut conn = self.db.conn().await?;
        if sections::enter(&mut conn, name, holder, LEASE).await? {
            return Ok(None);
        }
        // A holder usually leaves long before its lease ends.
        let left = match sections::closed(&mut conn, name).await? {
            Some(closed) if !closed.held => closed.left(),
            Some(_) | None => HELD_PAUSE,
        };
        Ok(Some(left.max(SHORTEST_PAUSE)))
    }
}

#[async_trait]
impl Sections for SharedSections {
    async fn try_enter(&self, name: &str, spacing: Duration) -> Result<Entry, ProviderError> {
        let Some(turn) = self.turn(name).await else {
            return Ok(Entry::Busy(Duration::ZERO));
        };
        let holder = String::from(InstanceId::generate());
        let closed = self.try_as(name, &holder).await.map_err(|error| {
            let message = format!("cannot enter the section {name} in the database");
            let error = ErrorKind::Unavailable.because(message).with_source(error);
            error.with_effect(Effect::NotDone)
        })?;
        Ok(match closed {
            Some(wait) => Entry::Busy(wait),
            None => {
                let (section, left) = oneshot::channel::<()>();
                let stay = Stay {
                    db: self.db.clone(),
                    name: name.to_owned(),
                    holder,
                    spacing,
                    _turn: turn,
                };
                drop(self.supervisor.spawn("section", stay.until(left)));
                Entry::Entered(Section::new(section))
            }
        })
    }
}

/// One stay in a section: renewed until its holder drops it, or dies.
struct Stay {
    db: Db,
    name: String,
    holder: String,
    spacing: Duration,
    /// Ends after the section is left.
    _turn: OwnedMutexGuard<()>,
}

impl Stay {
    async fn until(self, mut left: oneshot::Receiver<()>) {
        while timeout(RENEWAL, &mut left).await.is_err() {
            self.warn_about(self.renew().await, "renewed");
        }
        self.warn_about(self.leave().await, "left");
    }

    async fn renew(&self) -> Result<(), DbError> {
        let mut conn = self.db.conn().await?;
        sections::renew(&mut conn, &self.name, &self.holder, LEASE).await
    }

    async fn leave(&self) -> Result<(), DbError> {
        let mut conn = self.db.conn().await?;
        sections::leave(&mut conn, &self.name, &self.holder, self.spacing).await
    }

    fn warn_about(&self, outcome: Result<(), DbError>, what: &str) {
        if let Err(error) = outcome {
            let name = &self.name;
            warn!(
                error.chain = chain(&error),
                "section {name} was not {what}; it becomes free when its lease ends"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use agent_pool_core::{Context, Mark};
    use agent_pool_service_kit::shutdown::Shutdown;
    use agent_pool_service_kit::testing::{eventually, fresh_database};

    use super::*;
    use crate::db::MIGRATIONS;

    #[tokio::test]
    async fn two_replicas_are_in_a_section_one_after_the_other() {
        let database = fresh_database(MIGRATIONS, "services").await;
        let replica = || {
            let sections = SharedSections::new(database.db(), Supervisor::new(Shutdown::new()));
            let mark = Mark::new(&"dev".parse().unwrap());
            let cx = Context::new(mark, agent_pool_core::http::client().unwrap());
            cx.with_sections(Arc::new(sections))
        };
        let (one, two) = (replica(), replica());
        let held = one.enter("a", Duration::ZERO, "busy").await.unwrap();
        let soon = two.within(Duration::from_millis(100));
        let error = soon
            .enter("a", Duration::ZERO, "one at a time")
            .await
            .unwrap_err();
        assert!(error.to_string().contains("one at a time"), "{error}");
        let leave = async { drop(held) };
        let (next, ()) = tokio::join!(two.enter("a", Duration::from_mins(1), "busy"), leave);
        drop(next.unwrap());
        let spaced = async || {
            let mut conn = database.db().conn().await.unwrap();
            let closed = sections::closed(&mut conn, "a").await.unwrap().unwrap();
            !closed.held && closed.left() > LEASE
        };
        eventually("the section to be left", Duration::from_secs(10), spaced).await;
    }

    #[tokio::test]
    async fn the_next_caller_of_a_replica_enters_as_soon_as_a_section_is_left() {
        let database = fresh_database(MIGRATIONS, "services").await;
        let sections = SharedSections::new(database.db(), Supervisor::new(Shutdown::new()));
        let first = sections.try_enter("a", Duration::ZERO).await.unwrap();
        assert!(matches!(first, Entry::Entered(_)));
        let next = async {
            loop {
                match sections.try_enter("a", Duration::ZERO).await.unwrap() {
                    Entry::Entered(section) => return section,
                    Entry::Busy(wait) => assert_eq!(wait, Duration::ZERO, "it does not queue"),
                }
            }
        };
        let leave = async {
            // The other one queues by now.
            tokio::task::yield_now().await;
            drop(first);
        };
        tokio::join!(next, leave);
    }
}
