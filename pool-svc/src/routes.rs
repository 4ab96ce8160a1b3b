//! The Pool API and the pages, as one table.

use std::convert::Infallible;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::ReplenishRequest;
use agent_pool_service_kit::body::{json, json_or_default, query};
use agent_pool_service_kit::http_server::Templates;
use agent_pool_service_kit::method::{delete, get, post};
use agent_pool_service_kit::problem::{answer, unrouted};
use agent_pool_service_kit::{auth, health, metrics};
use warp::reply::Response;
use warp::{Filter, path};

use crate::dashboard::{self, Dashboard};
use crate::handlers::claim_input::claim_input;
use crate::handlers::{claim, fleet, instances, templates, views};
use crate::pool::Pool;

/// The same paths, for the labels of spans and metrics.
pub const PATHS: Templates = Templates::new(&[
    "/api/pool/claim",
    "/api/pool/claim/stream",
    "/api/pool/templates",
    "/api/pool/templates/:slug",
    "/api/pool/status",
    "/api/pool/counts",
    "/api/pool/agents",
    "/api/pool/info",
    "/api/pool/events",
    "/api/pool/replenish",
    "/api/pool/drain",
    "/api/pool/reconcile",
    "/api/pool/instances/:id",
    "/api/pool/crashed/:id",
    "/",
    "/claim",
    "/claim/stream",
    "/drain",
    "/replenish",
    "/instances/:id",
    "/instances/:id/logs",
    "/instances/:id/invite",
    "/instances/:id/:act",
    "/over-time",
    "/providers",
    "/providers/orphans",
    "/providers/sweep",
    "/live",
    "/sign-in",
    "/sign-out",
    "/assets/:version/:name",
]);

/// Everything that pool-svc answers.
#[rustfmt::skip]
pub fn routes(
    pool: Pool,
) -> impl Filter<Extract = (Response,), Error = Infallible, Future: Send> + Clone + Send + Sync + 'static {
    let keys = pool.app.config.http.pool_api_key.clone();
    let own = health::probes(pool.app.db.clone(), keys.clone(), metrics::install(), pool.background.tasks.clone());
    let key = auth::require(keys);
    let pages = dashboard::routes(Dashboard::new(pool.app.clone()), pool.clone())
        .or(dashboard::not_found()).unify();
    let app = with(pool.app.clone());
    let claims = with(pool.claims.clone());
    let destructions = with(pool.destructions.clone());
    let pool = with(pool);
    let prefix = path("api").and(path("pool"));

    let table = path!("claim").and(post())                  .and(key.clone()).and(claim_input())         .and(claims.clone()).then(claim::claim).map(answer).boxed()
        .or(path!("claim" / "stream").and(post())           .and(key.clone()).and(claim_input())         .and(claims).then(claim::stream).boxed()).unify()
        .or(path!("templates").and(get())                                                       .and(app.clone()).then(templates::list).map(answer).boxed()).unify()
        .or(path!("templates" / String).and(get())                                              .and(app.clone()).then(templates::find).map(answer).boxed()).unify()
        .or(path!("status").and(get())                      .and(key.clone())                   .and(app.clone()).then(views::status).map(answer).boxed()).unify()
        .or(path!("counts").and(get())                                                          .and(app.clone()).then(views::counts).map(answer).boxed()).unify()
        .or(path!("agents").and(get())                      .and(key.clone())                   .and(app.clone()).then(views::agents).map(answer).boxed()).unify()
        .or(path!("info").and(get())                        .and(key.clone())                   .and(app.clone()).then(views::info).map(answer).boxed()).unify()
        .or(path!("events").and(get())                      .and(key.clone()).and(query())      .and(app).then(views::events).map(answer).boxed()).unify()
        .or(path!("replenish").and(post())                  .and(key.clone()).and(json_or_default::<ReplenishRequest>()).and(pool.clone()).then(fleet::replenish).map(answer).boxed()).unify()
        .or(path!("drain").and(post())                      .and(key.clone()).and(json())       .and(pool.clone()).then(fleet::drain).map(answer).boxed()).unify()
        .or(path!("reconcile").and(post())                  .and(key.clone())                   .and(pool).then(fleet::reconcile).map(answer).boxed()).unify()
        .or(path!("instances" / InstanceId).and(delete())   .and(key.clone())                   .and(destructions.clone()).then(instances::kill).map(answer).boxed()).unify()
        .or(path!("crashed" / InstanceId).and(delete())     .and(key)                           .and(destructions).then(instances::dismiss).map(answer).boxed()).unify();

    prefix.and(table).or(own).unify().or(pages).unify().boxed().recover(unrouted).unify()
}

fn with<T: Clone + Send + Sync + 'static>(
    it: T,
) -> impl Filter<Extract = (T,), Error = Infallible> + Clone + Send + Sync + 'static {
    warp::any().map(move || it.clone())
}
