//! The probes of a service: liveness, readiness, and metrics.

use std::time::Duration;

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use diesel::QueryableByName;
use diesel::sql_types::Bool;
use diesel_async::RunQueryDsl;
use tokio::time::timeout;
use tracing::warn;
use warp::reply::{Reply, Response};
use warp::{Filter, Rejection};

use crate::auth::{ApiKeys, require};
use crate::db::{self, Db, DbError};
use crate::method::get;
use crate::metrics::Metrics;
use crate::openapi::Alive;
use crate::problem::answer;
use crate::shutdown::Shutdown;
use crate::supervisor::{FailingTask, Supervisor};

/// Time limit for the database in a readiness check.
const READY_WITHIN: Duration = Duration::from_secs(1);

/// [`probes`] of a service that has no background tasks.
pub fn routes(
    db: Db,
    keys: ApiKeys,
    metrics: Metrics,
) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + 'static {
    probes(db, keys, metrics, Supervisor::new(Shutdown::new()))
}

/// `/healthz`: the process is alive. `/readyz`: its database answers and no background task keeps failing; otherwise
/// 503 with the cause. `/metrics`, which needs a key.
pub fn probes(
    db: Db,
    keys: ApiKeys,
    metrics: Metrics,
    supervisor: Supervisor,
) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + 'static {
    let ready = warp::path!("readyz")
        .and(get())
        .and(warp::any().map(move || (db.clone(), supervisor.clone())))
        .then(|(db, supervisor)| readyz(db, supervisor));
    alive()
        .or(ready)
        .unify()
        .or(warp::path!("metrics")
            .and(get())
            .and(require(keys))
            .map(move || text(&metrics)))
        .unify()
}

/// `/metrics` without a key, for a separate port.
pub(crate) fn open_metrics(
    metrics: Metrics,
) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + 'static {
    warp::path!("metrics")
        .and(get())
        .map(move || text(&metrics))
        .or(alive())
        .unify()
}

fn alive() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + 'static
{
    warp::path!("healthz")
        .and(get())
        .map(|| answer(Ok(Alive { ok: true })))
}

fn text(metrics: &Metrics) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    warp::reply::with_header(metrics.render(), "content-type", kind).into_response()
}

async fn readyz(db: Db, supervisor: Supervisor) -> Response {
    let outcome = match timeout(READY_WITHIN, ping(&db)).await {
        Ok(Ok(true)) => tasks_run(&supervisor).map(|()| Alive { ok: true }),
        Ok(Ok(false)) => {
            db::replace_sessions();
            let detail = "the database accepts no writes: it is read-only, or a standby";
            warn!("not ready: {detail}");
            Err(unready(detail))
        }
        Ok(Err(error)) => Err(database_unready(&agent_pool_core::chain(&error))),
        Err(_) => Err(database_unready("no answer within a second")),
    };
    answer(outcome)
}

fn tasks_run(supervisor: &Supervisor) -> Result<(), Problem> {
    let failing = supervisor.health();
    if failing.is_empty() {
        return Ok(());
    }
    let each = failing
        .iter()
        .map(|FailingTask { task, cause }| format!("task {task} {cause}"));
    // The supervisor has logged each failure already.
    Err(unready(each.collect::<Vec<_>>().join("; ")))
}

fn database_unready(reason: &str) -> Problem {
    warn!(error.chain = reason, "not ready: {reason}");
    unready("the database does not answer")
}

fn unready(detail: impl Into<String>) -> Problem {
    Problem::new(ProblemCode::NotReady, detail).with_retry_after(READY_WITHIN)
}

#[derive(QueryableByName)]
struct Writable {
    #[diesel(sql_type = Bool)]
    writable: bool,
}

/// Whether the database answers and accepts writes, unlike a standby or a read-only primary.
async fn ping(db: &Db) -> Result<bool, DbError> {
    let mut conn = db.conn().await?;
    let query = "SELECT current_setting('transaction_read_only') = 'off' AS writable";
    let Writable { writable } = diesel::sql_query(query).get_result(&mut conn).await?;
    Ok(writable)
}
