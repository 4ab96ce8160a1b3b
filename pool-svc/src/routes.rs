//! The Pool API and the pages, as one table.

use std::convert::Infallible;

use agent_pool_core::wire::pool::ReplenishRequest;
use agent_pool_core::{InstanceId, PoolName, ToolId};
use agent_pool_service_kit::any_of::any_of;
use agent_pool_service_kit::auth::presented;
use agent_pool_service_kit::body::{json, json_or_default, query, unverified};
use agent_pool_service_kit::http_server::Templates;
use agent_pool_service_kit::method::{delete, get, patch, post, put};
use agent_pool_service_kit::problem::{answer, unrouted};
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
    let pages = dashboard::routes(Dashboard::new(pool.app.clone()), pool.clone())
        .or(dashboard::not_found()).unify();
    let schemes = pool.app.config.pool.join_url_schemes.clone();
    let origins = pool.app.config.pool.pool_cors_origins.as_slice().to_vec();
    let readers = pool.app.config.pool.pool_read_key.as_ref();
    let read = auth::require(readers.map_or_else(|| keys.clone(), |readers| keys.and(readers)));
    let key = auth::require(keys);
    let input = claim_input(schemes).boxed();
    let app = with(pool.app.clone());
    let claims = with(pool.claims.clone());
    let destructions = with(pool.destructions.clone());
    let pool = with(pool);

    let api = any_of([
        path!("claim").boxed().and(post())                       .and(key.clone()).and(input.clone())     .and(claims.clone())       .then(claim::claim).boxed(),
        path!("claim" / "stream").boxed().and(post())            .and(key.clone()).and(input)             .and(claims.clone())       .then(claim::stream).boxed(),
        path!("instances" / InstanceId / "acceptance").boxed().and(post()).and(presented()).and(unverified()).and(claims) .then(claim::acceptance).map(answer).boxed(),
        path!("instances" / InstanceId / "tools" / ToolId).boxed().and(post()).and(presented())             .and(pool.clone())         .then(instance_tools::add).map(answer).boxed(),
        path!("instances" / InstanceId / "tools" / ToolId).boxed().and(delete()).and(presented())           .and(pool.clone())         .then(instance_tools::release).map(answer).boxed(),
        path!("instances" / InstanceId).boxed().and(get())       .and(read.clone())                       .and(app.clone())          .then(views::instance).map(answer).boxed(),
        path!("templates").boxed().and(get())                                                             .and(app.clone())          .then(templates::list).map(answer).boxed(),
        path!("templates" / String).boxed().and(get())                                                    .and(app.clone())          .then(templates::find).map(answer).boxed(),
        path!("status").boxed().and(get())                       .and(read.clone())                       .and(app.clone())          .then(views::status).map(answer).boxed(),
        path!("counts").boxed().and(get())                                                                .and(app.clone())          .then(views::counts).map(answer).boxed(),
        path!("agents").boxed().and(get())                       .and(read.clone())                       .and(app.clone())          .then(views::agents).map(answer).boxed(),
        path!("info").boxed().and(get())                                                                  .and(app.clone())          .then(views::info).map(answer).boxed(),
        path!("events").boxed().and(get())                       .and(read.clone()).and(query())           .and(app.clone())          .then(views::events).map(answer).boxed(),
        path!("pools").boxed().and(get())                        .and(read.clone())                        .and(app.clone())          .then(pools::list).map(answer).boxed(),
        path!("pools" / PoolName).boxed().and(get())             .and(read.clone())                        .and(app.clone())          .then(pools::find).map(answer).boxed(),
        path!("pools" / PoolName / "versions").boxed().and(get()).and(read.clone())                        .and(app.clone())          .then(pools::versions).map(answer).boxed(),
        path!("pools" / PoolName).boxed().and(put())             .and(key.clone()).and(query()).and(json()).and(pool.clone())        .then(pools::put).map(answer).boxed(),
        path!("pools" / PoolName).boxed().and(patch())           .and(key.clone()).and(query()).and(json()).and(pool.clone())        .then(pools::patch).map(answer).boxed(),
        path!("pools" / PoolName).boxed().and(delete())          .and(key.clone()).and(query())           .and(pool.clone())         .then(pools::delete).map(answer).boxed(),
        path!("pools" / PoolName / "rollout").boxed().and(post()).and(key.clone()).and(json())             .and(pool.clone())         .then(rollouts::change).map(answer).boxed(),
        path!("upgrades").boxed().and(get())                     .and(read.clone())                        .and(app.clone())          .then(rollouts::list).map(answer).boxed(),
        path!("upgrades").boxed().and(post())                    .and(key.clone()).and(json())             .and(pool.clone())         .then(rollouts::upgrade).map(answer).boxed(),
        path!("settings").boxed().and(get())                     .and(read.clone())                        .and(app.clone())          .then(pools::settings).map(answer).boxed(),
        path!("settings").boxed().and(patch())                   .and(key.clone()).and(query()).and(json()).and(pool.clone())        .then(pools::patch_settings).map(answer).boxed(),
        path!("replenish").boxed().and(post())                   .and(key.clone()).and(json_or_default::<ReplenishRequest>()).and(pool.clone()).then(fleet::replenish).map(answer).boxed(),
        path!("drain").boxed().and(post())                       .and(key.clone()).and(json())            .and(pool.clone())         .then(fleet::drain).map(answer).boxed(),
        path!("instances" / InstanceId / "protection").boxed().and(put())   .and(key.clone())          .and(pool.clone())         .then(instances::protect).map(answer).boxed(),
        path!("instances" / InstanceId / "protection").boxed().and(delete()).and(key.clone())          .and(pool.clone())         .then(instances::unprotect).map(answer).boxed(),
        path!("instances" / InstanceId / "tools" / ToolId).boxed().and(patch()).and(key.clone()).and(json()).and(app.clone()) .then(costs::change_tool).map(answer).boxed(),
        path!("costs").boxed().and(get())                        .and(read.clone()).and(query())          .and(app.clone())          .then(costs::costs).map(answer).boxed(),
        path!("reconcile").boxed().and(post())                   .and(key.clone())                        .and(pool)                 .then(fleet::reconcile).map(answer).boxed(),
        path!("instances" / InstanceId).boxed().and(delete())    .and(key.clone())                        .and(destructions.clone()) .then(instances::kill).map(answer).boxed(),
        path!("crashed" / InstanceId).boxed().and(delete())      .and(key.clone())                        .and(destructions)         .then(instances::dismiss).map(answer).boxed(),
        path!("explain" / "instance" / InstanceId).boxed().and(get()).and(read.clone())                    .and(app.clone())          .then(explain::instance).map(answer).boxed(),
        path!("explain" / "pool" / PoolName).boxed().and(get())  .and(read.clone())                        .and(app.clone())          .then(explain::pool).map(answer).boxed(),
        path!("simulate").boxed().and(post())                    .and(key.clone()).and(json())            .and(app.clone())          .then(sizing::simulate).map(answer).boxed(),
        webhook_routes(&read, &key, &app),
    ]);
    // Refused below the prefix, so that pages of other sites can read why.
    let api = cross_origin(api.recover(unrouted).unify().boxed(), &origins);
    any_of([path("api").and(path("pool")).and(api).boxed(), probes.boxed(), openapi::routes(&crate::openapi()).boxed(), pages.boxed()]).recover(unrouted).unify()
}

#[rustfmt::skip]
fn webhook_routes(
    read: &BoxedFilter<()>,
    key: &BoxedFilter<()>,
    app: &BoxedFilter<(App,)>,
) -> BoxedFilter<(Response,)> {
    any_of([
        path!("webhooks").boxed().and(get())                     .and(read.clone())                        .and(app.clone())          .then(webhooks::list).map(answer).boxed(),
        path!("webhooks").boxed().and(post())                    .and(key.clone()).and(json())            .and(app.clone())          .then(webhooks::add).map(answer).boxed(),
        path!("webhook-deliveries").boxed().and(get())          .and(read.clone()).and(query())           .and(app.clone())          .then(webhooks::deliveries).map(answer).boxed(),
        path!("webhook-deliveries" / String / "resend").boxed().and(post()).and(key.clone())            .and(app.clone())          .then(webhooks::resend).map(answer).boxed(),
        path!("webhooks" / String).boxed().and(delete())         .and(key.clone())                        .and(app.clone())          .then(webhooks::remove).map(answer).boxed(),
        path!("webhooks" / String / "test").boxed().and(post())  .and(key.clone())                               .and(app.clone())               .then(webhooks::test).map(answer).boxed(),
    ])
}

/// Lets pages of these sites call `api` from a browser, with a key and without cookies.
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

fn with<T: Clone + Send + Sync + 'static>(state: T) -> BoxedFilter<(T,)> {
    warp::any().map(move || state.clone()).boxed()
}
