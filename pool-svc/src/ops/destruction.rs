//! Destroying instances: a row is deleted once Services confirms that nothing of the instance is left.
//!
//! To condemn an instance is to mark its row; [`Destructions::start_pending`] takes marked rows that no
//! one works on. A destruction that fails leaves the row marked, and the next tick starts it again.

use std::sync::Arc;
use std::time::Duration;

use agent_pool_client::{DESTROY_WITHIN, Destruction};
use agent_pool_core::wire::pool::Status;
use agent_pool_core::{InstanceId, chain};
use agent_pool_service_kit::db::DbError;
use diesel_async::AsyncPgConnection;
use tokio::sync::Semaphore;
use tracing::{Instrument, error, info, info_span, warn};

use crate::app::App;
use crate::background::Background;
use crate::db::{instances, leases, views};
use crate::lifecycle::{Cause, Event, Move};

/// Destructions at once. They are slow at the vendors, and nothing waits for them.
const CONCURRENCY: usize = 8;

/// How long a destruction may take, including the wait for its turn, before another replica takes it
/// over.
const LEASE: Duration = Duration::from_secs(2 * DESTROY_WITHIN.as_secs() + 60);

/// Why an instance cannot be condemned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CondemnError {
    #[error("there is no instance {0}")]
    Unknown(InstanceId),
    #[error("instance {id} is {}, not crashed: use kill to remove it anyway", status.as_str())]
    NotCrashed { id: InstanceId, status: Status },
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Which instances a request may condemn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Allowed {
    Any,
    Crashed,
}

/// Destroys instances in the background. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Destructions {
    app: App,
    background: Background,
    slots: Arc<Semaphore>,
}

impl Destructions {
    pub(crate) fn new(app: App, background: Background) -> Self {
        Self {
            app,
            background,
            slots: Arc::new(Semaphore::new(CONCURRENCY)),
        }
    }

    /// Condemns an instance in any status. One that is being destroyed already is not an error.
    pub(crate) async fn kill(&self, id: &InstanceId) -> Result<(), CondemnError> {
        self.condemn(id, Cause::Killed, Allowed::Any).await
    }

    /// Condemns an instance that has crashed.
    pub(crate) async fn dismiss(&self, id: &InstanceId) -> Result<(), CondemnError> {
        self.condemn(id, Cause::Dismissed, Allowed::Crashed).await
    }

    async fn condemn(
        &self,
        id: &InstanceId,
        cause: Cause,
        allowed: Allowed,
    ) -> Result<(), CondemnError> {
        let mut conn = self.app.db.conn().await?;
        // Another move may come in between; then the new status decides. Each round finds the instance
        // further on in its life, so this ends.
        loop {
            let found = views::find_status(&mut conn, id).await?;
            let status = found.ok_or_else(|| CondemnError::Unknown(id.clone()))?;
            if allowed == Allowed::Crashed && status != Status::Crashed {
                let id = id.clone();
                return Err(CondemnError::NotCrashed { id, status });
            }
            let Some(step) = Move::new(status, Event::Condemned) else {
                return Ok(());
            };
            let moved = instances::mark(&mut conn, step, &[(id.clone(), cause)]).await?;
            if !moved.is_empty() {
                drop(conn);
                info!(instance.id = %id, "instance {id} is condemned: {}", cause.as_str());
                self.start_pending().await;
                return Ok(());
            }
        }
    }

    /// Starts destroying the marked rows that no one works on. A failure is only logged: the next tick
    /// does the same.
    pub(crate) async fn start_pending(&self) {
        let take = async || self.take_pending(&mut *self.app.db.conn().await?).await;
        match take().await {
            Ok(taken) => self.spawn(taken),
            Err(error) => warn!(
                error.chain = chain(&error),
                "destructions wait for the next tick: {error}"
            ),
        }
        self.background.request_tick();
    }

    /// Takes as many marked rows as there are free slots; to be passed to [`Self::spawn`].
    pub(crate) async fn take_pending(
        &self,
        conn: &mut AsyncPgConnection,
    ) -> Result<Vec<InstanceId>, DbError> {
        match self.slots.available_permits() {
            0 => Ok(Vec::new()),
            free => leases::take_destroying(conn, free, LEASE).await,
        }
    }

    /// Destroys the instances that were taken.
    pub(crate) fn spawn(&self, taken: Vec<InstanceId>) {
        for id in taken {
            let work = self.clone().work(id).instrument(info_span!("destroy"));
            drop(self.background.tasks.spawn("destroy", work));
        }
    }

    /// Destroys one instance after another as long as that succeeds.
    async fn work(self, first: InstanceId) {
        let _slot = self.slots.acquire().await.expect("never closed");
        let mut made_room = false;
        let mut next = Some(first);
        while let Some(id) = next {
            next = match self.destroy(&id).await {
                Ok(Outcome::Destroyed) => {
                    made_room = true;
                    self.take_another().await
                }
                Ok(Outcome::Failed) => None,
                Err(error) => {
                    let error = chain(&error);
                    warn!(instance.id = %id, "instance {id} keeps its lease until it expires: {error}");
                    None
                }
            };
        }
        // A tick restarts what failed. If a failure asked for a tick, it would be retried at once, forever.
        if made_room {
            self.background.request_tick();
        }
    }

    async fn take_another(&self) -> Option<InstanceId> {
        if self.background.shutdown().is_triggered() {
            return None;
        }
        let mut conn = self.app.db.conn().await.ok()?;
        let taken = leases::take_destroying(&mut conn, 1, LEASE).await;
        taken.ok()?.pop()
    }

    async fn destroy(&self, id: &InstanceId) -> Result<Outcome, DbError> {
        let answer = self.app.services.destroy(id).await;
        let mut conn = self.app.db.conn().await?;
        match answer {
            Ok(destruction) => {
                instances::delete_destroyed(&mut conn, id).await?;
                let how = match destruction {
                    Destruction::Destroyed => "is destroyed",
                    Destruction::Unknown => "is removed: Services has nothing of it",
                };
                info!(instance.id = %id, "instance {id} {how}");
                Ok(Outcome::Destroyed)
            }
            Err(error) => {
                leases::release_destroying(&mut conn, id).await?;
                error!(
                    instance.id = %id, error.chain = chain(&error),
                    "instance {id} was not destroyed, a later tick will retry: {error}"
                );
                Ok(Outcome::Failed)
            }
        }
    }
}

enum Outcome {
    Destroyed,
    /// Services did not confirm it. The row was released.
    Failed,
}

#[cfg(test)]
mod tests {
    use agent_pool_core::settings::Environment;
    use agent_pool_service_kit::shutdown::Shutdown;
    use agent_pool_service_kit::supervisor::Supervisor;
    use agent_pool_service_kit::testing::fresh_database;
    use diesel::sql_query;
    use diesel_async::RunQueryDsl;
    use futures_util::FutureExt;

    use super::*;
    use crate::config::Config;
    use crate::db::MIGRATIONS;

    #[tokio::test]
    async fn a_destruction_that_fails_asks_for_no_tick() {
        let database = fresh_database(MIGRATIONS, "pool").await;
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let services = format!("http://{}", closed.local_addr().unwrap());
        drop(closed);
        let environment = Environment::from_iter([
            ("POOL_API_KEY", "k"),
            ("POOL_DATABASE_URL", database.url().as_secret().expose()),
            ("SERVICES_URL", &services),
        ]);
        let app = App::new(Config::from_env(&environment).unwrap(), database.db()).unwrap();
        let background = Background::new(Supervisor::new(Shutdown::new()));
        let destructions = Destructions::new(app.clone(), background.clone());
        let id = InstanceId::generate();
        let mut conn = app.db.conn().await.unwrap();
        let insert = "INSERT INTO instances (id, name, status) VALUES ('{id}', 'x', 'destroying')";
        let inserted = sql_query(insert.replace("{id}", id.as_str()));
        inserted.execute(&mut conn).await.unwrap();
        destructions.work(id.clone()).await;
        assert!(background.tick_requested().now_or_never().is_none());
        let again = leases::take_destroying(&mut conn, 1, LEASE).await.unwrap();
        assert_eq!(again, [id], "the next tick tries again");
    }
}
