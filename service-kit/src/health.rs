//! What a service says about itself.

use std::time::Duration;

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};
use tokio::time::timeout;
use tracing::warn;
use warp::reply::{Reply, Response};
use warp::{Filter, Rejection};

use crate::auth::{ApiKeys, require};
use crate::db::{Db, DbError};
use crate::method::get;
use crate::metrics::Metrics;
use crate::problem::answer;

/// How long the database may take for the service to count as ready.
const READY_WITHIN: Duration = Duration::from_secs(1);

/// `/healthz`: the process is alive. `/readyz`: its database answers, or 503. `/metrics`: by the key.
pub fn routes(
    db: Db,
    keys: ApiKeys,
    metrics: Metrics,
) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + 'static {
    let ready = warp::path!("readyz")
        .and(get())
        .and(warp::any().map(move || db.clone()))
        .then(readyz);
    alive()
        .or(ready)
        .unify()
        .or(warp::path!("metrics")
            .and(get())
            .and(require(keys))
            .map(move || text(&metrics)))
        .unify()
}

/// `/metrics` without a key, for a port of its own.
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
        .map(|| answer(Ok(json!({ "ok": true }))))
}

fn text(metrics: &Metrics) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    warp::reply::with_header(metrics.render(), "content-type", kind).into_response()
}

async fn readyz(db: Db) -> Response {
    let outcome = match timeout(READY_WITHIN, ping(&db)).await {
        Ok(Ok(())) => Ok(json!({ "ok": true })),
        Ok(Err(error)) => Err(unready(&agent_pool_core::chain(&error))),
        Err(_) => Err(unready("the database did not answer within a second")),
    };
    answer::<Value>(outcome)
}

fn unready(reason: &str) -> Problem {
    warn!(error.chain = reason, "not ready: {reason}");
    let detail = "the database does not answer";
    Problem::new(ProblemCode::NotReady, detail).with_retry_after(READY_WITHIN)
}

async fn ping(db: &Db) -> Result<(), DbError> {
    let mut conn = db.conn().await?;
    diesel::sql_query("SELECT 1").execute(&mut conn).await?;
    Ok(())
}
