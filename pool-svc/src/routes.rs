//! The Pool API and the pages, as one table.

use std::convert::{Infallible, identity};

use agent_pool_core::wire::pool::ReplenishRequest;
use agent_pool_core::{InstanceId, PoolName, ToolId};
use agent_pool_service_kit::any_of::any_of;
use agent_pool_service_kit::auth::presented;
use agent_pool_service_kit::body::{json, json_or_default, query, unverified};
use agent_pool_service_kit::http_server::Templates;
use agent_pool_service_kit::method::{delete, get, patch, post, put};
use agent_pool_service_kit::problem::{answer, unrouted};
use agent_pool_service_kit::route::{Route as _, Take as _, at};
use agent_pool_service_kit::{auth, health, metrics, openapi};
use warp::filters::BoxedFilter;
use warp::reply::{Reply, Response};
use warp::{Filter, path};

use crate::app::App;
use crate::dashboard::{self, Dashboard};
use crate::handlers::claim_input::claim_input;
use crate::handlers::{
    claim, costs, explain, fleet, instance_tools, instances, pools, rollouts, sizing, templates,
    views, webhooks,
};
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
    "/api/pool/pools",
    "/api/pool/pools/:name",
    "/api/pool/pools/:name/versions",
    "/api/pool/pools/:name/rollout",
    "/api/pool/upgrades",
    "/api/pool/settings",
    "/api/pool/replenish",
    "/api/pool/drain",
    "/api/pool/reconcile",
    "/api/pool/instances/:id",
    "/api/pool/instances/:id/acceptance",
    "/api/pool/instances/:id/protection",
    "/api/pool/instances/:id/tools/:tool",
    "/api/pool/costs",
    "/api/pool/crashed/:id",
    "/api/pool/explain/instance/:id",
    "/api/pool/explain/pool/:name",
    "/api/pool/simulate",
    "/api/pool/webhooks",
    "/api/pool/webhook-deliveries",
    "/api/pool/webhook-deliveries/:id/resend",
    "/api/pool/webhooks/:id",
    "/api/pool/webhooks/:id/test",
    "/",
    "/claim",
    "/claim/stream",
    "/drain",
    "/replenish",
    "/instances/:id",
    "/instances/:id/logs",
    "/instances/:id/invite",
    "/instances/:id/tools",
    "/instances/:id/limit",
    "/instances/:id/:act",
    "/over-time",
    "/costs",
    "/events",
    "/pools",
    "/pools/:name",
    "/pools/:name/pause",
    "/pools/:name/rollout",
    "/pools/:name/delete",
    "/pools/:name/simulation",
    "/providers",
    "/providers/orphans",
    "/providers/sweep",
    "/webhooks",
    "/webhooks/:id/:act",
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
    let recorded = metrics::install();
    metrics::describe(crate::metrics::METRICS);
    let keys = pool.app.config.http.pool_api_key.clone();
    let probes = health::probes(pool.app.db.clone(), keys.clone(), recorded, pool.background.tasks.clone());
    let pages = any_of([dashboard::routes(&Dashboard::new(pool.app.clone()), &pool), dashboard::not_found()]);
    let schemes = pool.app.config.pool.join_url_schemes.clone();
    let origins = pool.app.config.pool.pool_cors_origins.as_slice().to_vec();
    let readers = pool.app.config.pool.pool_read_key.as_ref();
    let read = auth::require(readers.map_or_else(|| keys.clone(), |readers| keys.and(readers)));
    let key = auth::require(keys);
    let input = claim_input(schemes).boxed();
    let (app, claims, destructions) = (&pool.app, &pool.claims, &pool.destructions);

    let api = any_of([
        at::<()>("claim")                                      .take(post())  .take(key.clone()).take(input.clone())                        .answered_by(claims, claim::claim, identity),
        at::<()>("claim/stream")                               .take(post())  .take(key.clone()).take(input)                                .answered_by(claims, claim::stream, identity),
        at::<(InstanceId,)>("instances/:id/acceptance")        .take(post())  .take(presented()).take(unverified())                         .answered_by(claims, claim::acceptance, answer),
        at::<(InstanceId, ToolId)>("instances/:id/tools/:tool").take(post())  .take(presented())                                            .answered_by(&pool, instance_tools::add, answer),
        at::<(InstanceId, ToolId)>("instances/:id/tools/:tool").take(delete()).take(presented())                                            .answered_by(&pool, instance_tools::release, answer),
        at::<(InstanceId,)>("instances/:id")                   .take(get())   .take(read.clone())                                           .answered_by(app, views::instance, answer),
        at::<()>("templates")                                  .take(get())                                                                 .answered_by(app, templates::list, answer),
        at::<(String,)>("templates/:slug")                     .take(get())                                                                 .answered_by(app, templates::find, answer),
        at::<()>("status")                                     .take(get())   .take(read.clone())                                           .answered_by(app, views::status, answer),
        at::<()>("counts")                                     .take(get())                                                                 .answered_by(app, views::counts, answer),
        at::<()>("agents")                                     .take(get())   .take(read.clone())                                           .answered_by(app, views::agents, answer),
        at::<()>("info")                                       .take(get())                                                                 .answered_by(app, views::info, answer),
        at::<()>("events")                                     .take(get())   .take(read.clone()).take(query())                             .answered_by(app, views::events, answer),
        at::<()>("pools")                                      .take(get())   .take(read.clone())                                           .answered_by(app, pools::list, answer),
        at::<(PoolName,)>("pools/:name")                       .take(get())   .take(read.clone())                                           .answered_by(app, pools::find, answer),
        at::<(PoolName,)>("pools/:name/versions")              .take(get())   .take(read.clone())                                           .answered_by(app, pools::versions, answer),
        at::<(PoolName,)>("pools/:name")                       .take(put())   .take(key.clone()).take(query()).take(json())                 .answered_by(&pool, pools::put, answer),
        at::<(PoolName,)>("pools/:name")                       .take(patch()) .take(key.clone()).take(query()).take(json())                 .answered_by(&pool, pools::patch, answer),
        at::<(PoolName,)>("pools/:name")                       .take(delete()).take(key.clone()).take(query())                              .answered_by(&pool, pools::delete, answer),
        at::<(PoolName,)>("pools/:name/rollout")               .take(post())  .take(key.clone()).take(json())                               .answered_by(&pool, rollouts::change, answer),
        at::<()>("upgrades")                                   .take(get())   .take(read.clone())                                           .answered_by(app, rollouts::list, answer),
        at::<()>("upgrades")                                   .take(post())  .take(key.clone()).take(json())                               .answered_by(&pool, rollouts::upgrade, answer),
        at::<()>("settings")                                   .take(get())   .take(read.clone())                                           .answered_by(app, pools::settings, answer),
        at::<()>("settings")                                   .take(patch()) .take(key.clone()).take(query()).take(json())                 .answered_by(&pool, pools::patch_settings, answer),
        at::<()>("replenish")                                  .take(post())  .take(key.clone()).take(json_or_default::<ReplenishRequest>()).answered_by(&pool, fleet::replenish, answer),
        at::<()>("drain")                                      .take(post())  .take(key.clone()).take(json())                               .answered_by(&pool, fleet::drain, answer),
        at::<(InstanceId,)>("instances/:id/protection")        .take(put())   .take(key.clone())                                            .answered_by(&pool, instances::protect, answer),
        at::<(InstanceId,)>("instances/:id/protection")        .take(delete()).take(key.clone())                                            .answered_by(&pool, instances::unprotect, answer),
        at::<(InstanceId, ToolId)>("instances/:id/tools/:tool").take(patch()) .take(key.clone()).take(json())                               .answered_by(app, costs::change_tool, answer),
        at::<()>("costs")                                      .take(get())   .take(read.clone()).take(query())                             .answered_by(app, costs::costs, answer),
        at::<()>("reconcile")                                  .take(post())  .take(key.clone())                                            .answered_by(&pool, fleet::reconcile, answer),
        at::<(InstanceId,)>("instances/:id")                   .take(delete()).take(key.clone())                                            .answered_by(destructions, instances::kill, answer),
        at::<(InstanceId,)>("crashed/:id")                     .take(delete()).take(key.clone())                                            .answered_by(destructions, instances::dismiss, answer),
        at::<(InstanceId,)>("explain/instance/:id")            .take(get())   .take(read.clone())                                           .answered_by(app, explain::instance, answer),
        at::<(PoolName,)>("explain/pool/:name")                .take(get())   .take(read.clone())                                           .answered_by(app, explain::pool, answer),
        at::<()>("simulate")                                   .take(post())  .take(key.clone()).take(json())                               .answered_by(app, sizing::simulate, answer),
        webhook_routes(&read, &key, app),
    ]);
    // Problems are made below the prefix, so that pages of allowed sites can read them.
    let api = cross_origin(api.recover(unrouted).unify().boxed(), &origins);
    any_of([path("api").and(path("pool")).and(api).boxed(), probes.boxed(), openapi::routes(&crate::openapi()).boxed(), pages]).recover(unrouted).unify()
}

#[rustfmt::skip]
fn webhook_routes(
    read: &BoxedFilter<()>,
    key: &BoxedFilter<()>,
    app: &App,
) -> BoxedFilter<(Response,)> {
    any_of([
        at::<()>("webhooks")                                   .take(get())   .take(read.clone())                                           .answered_by(app, webhooks::list, answer),
        at::<()>("webhooks")                                   .take(post())  .take(key.clone()).take(json())                               .answered_by(app, webhooks::add, answer),
        at::<()>("webhook-deliveries")                         .take(get())   .take(read.clone()).take(query())                             .answered_by(app, webhooks::deliveries, answer),
        at::<(String,)>("webhook-deliveries/:id/resend")       .take(post())  .take(key.clone())                                            .answered_by(app, webhooks::resend, answer),
        at::<(String,)>("webhooks/:id")                        .take(delete()).take(key.clone())                                            .answered_by(app, webhooks::remove, answer),
        at::<(String,)>("webhooks/:id/test")                   .take(post())  .take(key.clone())                                            .answered_by(app, webhooks::test, answer),
    ])
}

/// Allows pages of these sites to call `api` from a browser, with a key and without cookies.
fn cross_origin(api: BoxedFilter<(Response,)>, origins: &[String]) -> BoxedFilter<(Response,)> {
    if origins.is_empty() {
        return api;
    }
    let cors = warp::cors()
        .allow_origins(origins.iter().map(String::as_str))
        .allow_methods(["GET", "POST", "PUT", "PATCH", "DELETE"])
        .allow_headers(["authorization", "content-type", "idempotency-key"])
        .expose_headers(["retry-after", "location"]);
    api.with(cors).map(Reply::into_response).boxed()
}
