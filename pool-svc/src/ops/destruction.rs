//! Destroys instances: a row is deleted once Services confirms that nothing of the instance is left.
//!
//! Condemning an instance marks its row; [`Destructions::start_pending`] takes marked rows that no task is working on.
//! A destruction that fails leaves the row marked, and the next tick tries again. If Services is unavailable, the call
//! is repeated and does not count as failed (see [`CallRetry`]). A destruction whose replica died is taken over when
//! its lease has expired.

use std::sync::Arc;
use std::time::Duration;

use agent_pool_client::{CallError, Destruction};
use agent_pool_core::wire::pool::Status;
use agent_pool_core::{InstanceId, chain};
use agent_pool_service_kit::db::DbError;
use diesel_async::AsyncPgConnection;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tracing::{Instrument, error, info, info_span, warn};

use super::call_retry::CallRetry;
use crate::app::App;
use crate::background::Background;
use crate::costs::read_last;
use crate::db::guards::{self, Guarded};
use crate::db::instances;
use crate::db::leases::{self, Condemned, Pending};
use crate::lifecycle::{Cause, Event, Move};

/// Concurrent destructions. Vendors are slow to destroy, and nothing waits for it.
const CONCURRENCY: usize = 8;

/// How long to wait for another operation of Services on the instance.
const BUSY_FOR: Duration = Duration::from_secs(30);

/// How long a shutdown waits for destructions. Another replica repeats the interrupted ones.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(30);

/// Why an instance cannot be condemned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CondemnError {
    #[error("there is no instance {0}")]
    Unknown(InstanceId),
    #[error("instance {id} is {}, not crashed: use kill to remove it anyway", status.as_str())]
    NotCrashed { id: InstanceId, status: Status },
    #[error(
        "instance {0} is protected: lift its protection first (poolctl unprotect {0}, or DELETE \
         /api/pool/instances/{0}/protection)"
    )]
    Protected(InstanceId),
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
        // Another move may come in between; then the new status decides. Each round finds the instance further along in
        // its life cycle, so the loop ends.
        loop {
            let found = guards::find(&mut conn, id).await?;
            let Guarded { status, protected } =
                found.ok_or_else(|| CondemnError::Unknown(id.clone()))?;
            if allowed == Allowed::Crashed && status != Status::Crashed {
                let id = id.clone();
                return Err(CondemnError::NotCrashed { id, status });
            }
            let Some(step) = Move::new(status, Event::Condemned) else {
                return Ok(());
            };
            if protected {
                return Err(CondemnError::Protected(id.clone()));
            }
            let moved = instances::mark(&mut conn, step, &[(id.clone(), cause)]).await?;
            if !moved.is_empty() {
                drop(conn);
                info!(instance.id = %id, "instance {id} is condemned: {}", cause.as_str());
                self.start_pending().await;
                return Ok(());
            }
        }
    }

    /// Starts destroying the marked rows that no task is working on, except those with a recent failure. An error is
    /// only logged, because the recovery loop does the same.
    pub(crate) async fn start_pending(&self) {
        let take = async || {
            let mut conn = self.app.db.conn().await?;
            self.take_pending(&mut conn, Pending::Fresh).await
        };
        match take().await {
            Ok(taken) => self.spawn(taken),
            Err(error) => warn!(
                error.chain = chain(&error),
                "destructions are delayed by a few seconds: {error}"
            ),
        }
        // A condemned instance has to be replaced.
        self.background.request_replenish();
    }

    /// Takes as many marked rows as there are free slots; to be passed to [`Self::spawn`].
    pub(crate) async fn take_pending(
        &self,
        conn: &mut AsyncPgConnection,
        pending: Pending,
    ) -> Result<Vec<Condemned>, DbError> {
        match self.slots.available_permits() {
            0 => Ok(Vec::new()),
            free => leases::take_destroying(conn, pending, free, self.lease()).await,
        }
    }

    /// Destroys the instances that were taken.
    pub(crate) fn spawn(&self, taken: Vec<Condemned>) {
        for one in taken {
            let work = self.clone().work(one).instrument(info_span!("destroy"));
            drop(self.background.tasks.spawn("destroy", work));
        }
    }

    /// Destroys one instance after another as long as that succeeds.
    async fn work(self, first: Condemned) {
        let _slot = self.slots.acquire().await.expect("never closed");
        let mut next = Some(first);
        while let Some(condemned) = next {
            let id = &condemned.id;
            let _lease = self.background.leases.hold(id);
            next = match self.destroy(&condemned).await {
                Ok(Outcome::Destroyed) => {
                    // There may be room now if POOL_MAX_TOTAL was reached.
                    self.background.request_replenish();
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
    }

    async fn take_another(&self) -> Option<Condemned> {
        if self.background.shutdown().is_triggered() {
            return None;
        }
        let mut conn = self.app.db.conn().await.ok()?;
        let taken = leases::take_destroying(&mut conn, Pending::Fresh, 1, self.lease()).await;
        taken.ok()?.pop()
    }

    fn lease(&self) -> Duration {
        self.app.config.pool.pool_work_lease_ms.duration()
    }

    async fn destroy(&self, condemned: &Condemned) -> Result<Outcome, DbError> {
        let id = &condemned.id;
        let shutdown = self.background.shutdown();
        let overdue = async {
            shutdown.wait().await;
            sleep(SHUTDOWN_WAIT).await;
        };
        let answer = tokio::select! {
            answer = self.read_usage_and_destroy(condemned) => answer,
            () = overdue => return Ok(Outcome::Failed),
        };
        let mut conn = self.app.db.conn().await?;
        match answer {
            Ok(Some(destruction)) => {
                instances::delete_destroyed(&mut conn, id).await?;
                let how = match destruction {
                    Destruction::Destroyed => "is destroyed",
                    Destruction::Unknown => "is removed: Services does not know it",
                };
                info!(instance.id = %id, "instance {id} {how}");
                Ok(Outcome::Destroyed)
            }
            Ok(None) => {
                leases::release_destroying(&mut conn, id).await?;
                Ok(Outcome::Failed)
            }
            Err(error) => {
                leases::release_failed(&mut conn, id).await?;
                error!(
                    instance.id = %id, error.chain = chain(&error),
                    "instance {id} was not destroyed, a later tick will retry: {error}"
                );
                Ok(Outcome::Failed)
            }
        }
    }

    /// The usage of an agent can be read only while its tools exist.
    async fn read_usage_and_destroy(
        &self,
        condemned: &Condemned,
    ) -> Result<Option<Destruction>, CallError> {
        if condemned.was_claimed {
            read_last(&self.app, &condemned.id).await;
        }
        self.ask_services(&condemned.id).await
    }

    /// Asks Services to destroy the instance, and repeats that while Services is unavailable. `None` at shutdown.
    async fn ask_services(&self, id: &InstanceId) -> Result<Option<Destruction>, CallError> {
        let mut retry = CallRetry::new(format!("the destruction of instance {id}"), BUSY_FOR);
        loop {
            let failure = match self.app.services.destroy(id).await {
                Ok(destruction) => return Ok(Some(destruction)),
                Err(failure) => failure,
            };
            let Some(pause) = retry.pause_after(&failure) else {
                return Err(failure);
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = self.background.shutdown().wait() => return Ok(None),
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
    use std::net::SocketAddr;

    use agent_pool_core::settings::Environment;
    use agent_pool_core::wire::problem::{Problem, ProblemCode};
    use agent_pool_service_kit::shutdown::Shutdown;
    use agent_pool_service_kit::supervisor::Supervisor;
    use agent_pool_service_kit::testing::TestDatabase;
    use futures_util::FutureExt;
    use tokio::net::{TcpListener, TcpSocket};
    use warp::Filter as _;
    use warp::http::StatusCode;

    use super::*;
    use crate::config::Config;
    use crate::db::test_database::{database, run};
    use crate::db::views;

    struct Fixture {
        destructions: Destructions,
        background: Background,
        app: App,
        id: InstanceId,
        _database: TestDatabase,
    }

    /// One instance to be destroyed, with Services at `services`.
    async fn fixture(services: SocketAddr) -> Fixture {
        let database = database().await;
        let services = format!("http://{services}");
        let environment = Environment::from_iter([
            ("POOL_API_KEY", "a-key-of-16-characters"),
            ("POOL_DATABASE_URL", database.url().as_secret().expose()),
            ("SERVICES_URL", &services),
        ]);
        let app = App::new(Config::from_env(&environment).unwrap(), database.db()).unwrap();
        let background = Background::new(Supervisor::new(Shutdown::new()));
        let destructions = Destructions::new(app.clone(), background.clone());
        let id = InstanceId::generate();
        let insert = "INSERT INTO instances (id, name, status) VALUES ('{id}', 'x', 'destroying')";
        let insert = insert.replace("{id}", id.as_str());
        run(&mut app.db.conn().await.unwrap(), &insert).await;
        Fixture {
            destructions,
            background,
            app,
            id,
            _database: database,
        }
    }

    impl Fixture {
        /// The instance, as it is taken.
        fn condemned(&self) -> Condemned {
            Condemned {
                id: self.id.clone(),
                was_claimed: false,
            }
        }

        async fn take(&self, pending: Pending) -> Vec<Condemned> {
            let mut conn = self.app.db.conn().await.unwrap();
            let lease = Duration::from_mins(1);
            let taken = leases::take_destroying(&mut conn, pending, 1, lease).await;
            taken.unwrap()
        }
    }

    /// Answers every request with this problem.
    async fn serve(listener: TcpListener, problem: Problem) {
        let status = StatusCode::from_u16(problem.status).unwrap();
        let body = serde_json::to_string(&problem).unwrap();
        let answer = warp::any().map(move || warp::reply::with_status(body.clone(), status));
        warp::serve(answer).incoming(listener).run().await;
    }

    #[tokio::test]
    async fn a_destruction_that_fails_is_left_to_the_next_tick() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = fixture(listener.local_addr().unwrap()).await;
        let refusal = Problem::new(ProblemCode::VendorUnavailable, "x");
        tokio::spawn(serve(listener, refusal));
        at.destructions.clone().work(at.condemned()).await;
        let requested = at.background.replenish_requested().now_or_never();
        assert!(requested.is_none());
        assert_eq!(
            at.take(Pending::Fresh).await,
            [],
            "it is not retried at once"
        );
        let again = at.take(Pending::All).await;
        assert_eq!(again, [at.condemned()], "the next tick tries again");
    }

    #[tokio::test]
    async fn a_destruction_goes_on_as_soon_as_services_is_back() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = fixture(listener.local_addr().unwrap()).await;
        tokio::spawn(async move {
            for _ in 0..2 {
                drop(listener.accept().await);
            }
            serve(listener, Problem::new(ProblemCode::UnknownInstance, "x")).await;
        });
        at.destructions.clone().work(at.condemned()).await;
        let mut conn = at.app.db.conn().await.unwrap();
        assert_eq!(views::find_status(&mut conn, &at.id).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_shutdown_leaves_what_services_is_away_for_to_any_replica() {
        // Bound, but not listening: connections are refused, and nobody else gets the port.
        let closed = TcpSocket::new_v4().unwrap();
        closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let at = fixture(closed.local_addr().unwrap()).await;
        at.background.shutdown().trigger();
        at.destructions.clone().work(at.condemned()).await;
        let taken = at.take(Pending::Fresh).await;
        assert_eq!(taken, [at.condemned()], "it did not fail");
    }
}
