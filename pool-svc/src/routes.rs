//! The table of routes (design §5).

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

use crate::app::App;
use crate::claim::order::order;
use crate::dashboard::{self, Dashboard};
use crate::handlers::{claim, fleet, instances, templates, views};

/// The paths, as metrics name them.
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
    app: App,
) -> impl Filter<Extract = (Response,), Error = Infallible, Future: Send> + Clone + Send + Sync + 'static {
    let keys = app.config.http.pool_api_key.clone();
    let own = health::probes(app.db.clone(), keys.clone(), metrics::install(), app.supervisor.clone());
    let key = auth::require(keys);
    let pages = dashboard::routes(Dashboard::new(app.clone())).or(dashboard::not_found()).unify();
    let app = warp::any().map(move || app.clone());
    let pool = path("api").and(path("pool"));

    let table = path!("claim").and(post())                  .and(key.clone()).and(order())               .and(app.clone()).then(claim::claim).map(answer).boxed()
        .or(path!("claim" / "stream").and(post())           .and(key.clone()).and(order())               .and(app.clone()).then(claim::stream).boxed()).unify()
        .or(path!("templates").and(get())                                                       .and(app.clone()).then(templates::list).map(answer).boxed()).unify()
        .or(path!("templates" / String).and(get())                                              .and(app.clone()).then(templates::find).map(answer).boxed()).unify()
        .or(path!("status").and(get())                      .and(key.clone())                   .and(app.clone()).then(views::status).map(answer).boxed()).unify()
        .or(path!("counts").and(get())                                                          .and(app.clone()).then(views::counts).map(answer).boxed()).unify()
        .or(path!("agents").and(get())                      .and(key.clone())                   .and(app.clone()).then(views::agents).map(answer).boxed()).unify()
        .or(path!("info").and(get())                        .and(key.clone())                   .and(app.clone()).then(views::info).map(answer).boxed()).unify()
        .or(path!("events").and(get())                      .and(key.clone()).and(query())      .and(app.clone()).then(views::events).map(answer).boxed()).unify()
        .or(path!("replenish").and(post())                  .and(key.clone()).and(json_or_default::<ReplenishRequest>()).and(app.clone()).then(fleet::replenish).map(answer).boxed()).unify()
        .or(path!("drain").and(post())                      .and(key.clone()).and(json())       .and(app.clone()).then(fleet::drain).map(answer).boxed()).unify()
        .or(path!("reconcile").and(post())                  .and(key.clone())                   .and(app.clone()).then(fleet::reconcile).map(answer).boxed()).unify()
        .or(path!("instances" / InstanceId).and(delete())   .and(key.clone())                   .and(app.clone()).then(instances::kill).map(answer).boxed()).unify()
        .or(path!("crashed" / InstanceId).and(delete())     .and(key)                           .and(app).then(instances::dismiss).map(answer).boxed()).unify();

    pool.and(table).or(own).unify().or(pages).unify().boxed().recover(unrouted).unify()
}
