//! Sections that all replicas share, as rows.

use std::time::Duration;

use agent_pool_core::{
    Effect, Entry, ErrorKind, InstanceId, ProviderError, Section, Sections, chain,
};
use agent_pool_service_kit::db::{Db, DbError};
use agent_pool_service_kit::supervisor::Supervisor;
use async_trait::async_trait;
use tracing::warn;

use crate::db::sections;

/// How long a holder that died keeps others out. Longer than the calls that sections are for.
const LONGEST_STAY: Duration = Duration::from_secs(30);
/// How soon to look again at a section that somebody is in.
const HELD_PAUSE: Duration = Duration::from_millis(200);
/// Keeps the database from being asked in a loop in the last moment of a spacing.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// The sections of all replicas that share a database.
#[derive(Debug)]
pub(crate) struct SharedSections {
    db: Db,
    /// Runs what leaves a section; shutdown waits for it.
    supervisor: Supervisor,
}

impl SharedSections {
    pub(crate) const fn new(db: Db, supervisor: Supervisor) -> Self {
        Self { db, supervisor }
    }

    /// Enters, or says how soon to ask again.
    async fn try_as(&self, name: &str, holder: &str) -> Result<Option<Duration>, DbError> {
        let mut conn = self.db.conn().await?;
        if sections::enter(&mut conn, name, holder, LONGEST_STAY).await? {
            return Ok(None);
        }
        // A holder usually leaves long before its stay ends.
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
        let holder = String::from(InstanceId::generate());
        let closed = self.try_as(name, &holder).await.map_err(|error| {
            let message = format!("cannot enter the section {name} in the database");
            let error = ErrorKind::Unavailable.because(message).with_source(error);
            error.with_effect(Effect::NotDone)
        })?;
        Ok(match closed {
            Some(wait) => Entry::Busy(wait),
            None => Entry::Entered(Section::new(Guard {
                db: self.db.clone(),
                supervisor: self.supervisor.clone(),
                name: name.to_owned(),
                holder,
                spacing,
            })),
        })
    }
}

struct Guard {
    db: Db,
    supervisor: Supervisor,
    name: String,
    holder: String,
    spacing: Duration,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let (db, spacing) = (self.db.clone(), self.spacing);
        let (name, holder) = (
            std::mem::take(&mut self.name),
            std::mem::take(&mut self.holder),
        );
        let leave = async move {
            let left = async {
                let mut conn = db.conn().await?;
                sections::leave(&mut conn, &name, &holder, spacing).await
            };
            if let Err(error) = left.await {
                warn!(
                    error.chain = chain(&error),
                    "section {name} was not left; it becomes free by itself"
                );
            }
        };
        drop(self.supervisor.spawn("leave_section", leave));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

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
            !closed.held && closed.left() > LONGEST_STAY
        };
        eventually("the section to be left", Duration::from_secs(10), spaced).await;
    }
}
