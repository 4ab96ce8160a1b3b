//! Taking instances down: a row is deleted when Services confirms that nothing of it is left.
//!
//! To condemn an instance is to mark it; [`start`] takes what is marked and nobody works on. What
//! fails stays marked, and the next tick starts it again.

use std::time::Duration;

use agent_pool_client::{DESTROY_WITHIN, Destruction};
use agent_pool_core::InstanceId;
use agent_pool_core::chain;
use agent_pool_core::wire::pool::Status;
use agent_pool_service_kit::db::DbError;
use diesel_async::AsyncPgConnection;
use tracing::{Instrument, error, info, info_span, warn};

use crate::app::App;
use crate::db::{instances, leases, views};
use crate::lifecycle::{Cause, Event, Move};

/// How long a destruction may take, the wait for its turn included, before another takes it over.
const LEASE: Duration = Duration::from_secs(2 * DESTROY_WITHIN.as_secs() + 60);

/// Why an instance is not being destroyed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CondemnError {
    #[error("there is no instance {0}")]
    Unknown(InstanceId),
    #[error("instance {id} is {}, not crashed: kill it to remove it all the same", status.as_str())]
    NotCrashed { id: InstanceId, status: Status },
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Condemns an instance, whatever it is. One that is being destroyed already is no error.
pub(crate) async fn kill(app: &App, id: &InstanceId) -> Result<(), CondemnError> {
    condemn(app, id, Cause::Killed, |_| true).await
}

/// Condemns an instance that has crashed.
pub(crate) async fn dismiss(app: &App, id: &InstanceId) -> Result<(), CondemnError> {
    condemn(app, id, Cause::Dismissed, |status| {
        status == Status::Crashed
    })
    .await
}

async fn condemn(
    app: &App,
    id: &InstanceId,
    cause: Cause,
    may: impl Fn(Status) -> bool,
) -> Result<(), CondemnError> {
    let mut conn = app.db.conn().await?;
    // Another move may come in between; then what it is now decides. Each time around it has moved
    // on in its life, so that this ends.
    loop {
        let found = views::find_status(&mut conn, id).await?;
        let status = found.ok_or_else(|| CondemnError::Unknown(id.clone()))?;
        if !may(status) {
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
            begin(app).await;
            return Ok(());
        }
    }
}

/// Starts what is marked. Where that fails, the next tick does it, so it is logged and no more.
pub(crate) async fn begin(app: &App) {
    if let Err(error) = start(app).await {
        warn!(
            error.chain = chain(&error),
            "destructions wait for the next tick: {error}"
        );
    }
    app.nudge.notify_one();
}

/// Starts destroying what is marked and nobody works on, as far as there is room.
async fn start(app: &App) -> Result<(), DbError> {
    let taken = take(app, &mut *app.db.conn().await?).await?;
    spawn(app, taken);
    Ok(())
}

/// Takes what is marked and nobody works on, as far as there is room; to be passed to [`spawn`].
pub(crate) async fn take(
    app: &App,
    conn: &mut AsyncPgConnection,
) -> Result<Vec<InstanceId>, DbError> {
    match app.destructions.available_permits() {
        0 => Ok(Vec::new()),
        room => leases::take_destroying(conn, room, LEASE).await,
    }
}

/// Destroys what was taken.
pub(crate) fn spawn(app: &App, taken: Vec<InstanceId>) {
    for id in taken {
        let work = work(app.clone(), id).instrument(info_span!("destroy"));
        tokio::spawn(work);
    }
}

/// Destroys one instance after another while that succeeds.
async fn work(app: App, first: InstanceId) {
    // The semaphore is never closed.
    let Ok(_turn) = app.destructions.clone().acquire_owned().await else {
        return;
    };
    let mut made_room = false;
    let mut next = Some(first);
    while let Some(id) = next {
        next = match destroy(&app, &id).await {
            Ok(Attempt::Done) => {
                made_room = true;
                take_another(&app).await
            }
            Ok(Attempt::Failed) => None,
            Err(error) => {
                let error = chain(&error);
                warn!(instance.id = %id, "instance {id} waits for the end of its lease: {error}");
                None
            }
        };
    }
    // A tick starts again what failed: nudged by that, it would do so at once, and for ever.
    if made_room {
        app.nudge.notify_one();
    }
}

async fn take_another(app: &App) -> Option<InstanceId> {
    let mut conn = app.db.conn().await.ok()?;
    let taken = leases::take_destroying(&mut conn, 1, LEASE).await;
    taken.ok()?.pop()
}

enum Attempt {
    Done,
    /// Services did not confirm it. The instance was let go.
    Failed,
}

async fn destroy(app: &App, id: &InstanceId) -> Result<Attempt, DbError> {
    let answer = app.services.destroy(id).await;
    let mut conn = app.db.conn().await?;
    match answer {
        Ok(destruction) => {
            instances::delete_destroyed(&mut conn, id).await?;
            let how = match destruction {
                Destruction::Destroyed => "is destroyed",
                Destruction::Unknown => "is forgotten: Services has nothing of it",
            };
            info!(instance.id = %id, "instance {id} {how}");
            Ok(Attempt::Done)
        }
        Err(error) => {
            leases::let_go(&mut conn, id).await?;
            error!(
                instance.id = %id, error.chain = chain(&error),
                "instance {id} is not destroyed, a later tick tries again: {error}"
            );
            Ok(Attempt::Failed)
        }
    }
}

#[cfg(test)]
mod tests {
    use agent_pool_core::settings::Environment;
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
        let app = App::new(Config::from_env(&environment).unwrap()).unwrap();
        let id = InstanceId::generate();
        let mut conn = app.db.conn().await.unwrap();
        let insert = "INSERT INTO instances (id, name, status) VALUES ('{id}', 'x', 'destroying')";
        let inserted = sql_query(insert.replace("{id}", id.as_str()));
        inserted.execute(&mut conn).await.unwrap();
        work(app.clone(), id.clone()).await;
        assert!(app.nudge.notified().now_or_never().is_none());
        let again = leases::take_destroying(&mut conn, 1, LEASE).await.unwrap();
        assert_eq!(again, [id], "the next tick tries again");
    }
}
