//! The Services API as one table.

use std::convert::Infallible;

use agent_pool_core::{InfraId, InstanceId, ResourceId, ToolId};
use agent_pool_service_kit::any_of::any_of;
use agent_pool_service_kit::auth::require;
use agent_pool_service_kit::body::{json, json_or_default, query, unverified};
use agent_pool_service_kit::http_server::Templates;
use agent_pool_service_kit::method::{delete, get, patch, post, put};
use agent_pool_service_kit::problem::{answer, unrouted};
use agent_pool_service_kit::{health, metrics, openapi};
use warp::http::HeaderValue;
use warp::http::header::CACHE_CONTROL;
use warp::reply::Response;
use warp::{Filter, path};

use crate::app::App;
use crate::handlers::{
    configure, create_instance, destroy, destroy_tool, ensure_tools, instance, logs, notice,
    provision_local, provision_tool, recipe, redeploy, registry, remove_tool, status_batch, sweep,
    update_tool, upgrade, usage_batch, version,
};
use crate::path_segment::PathSegment;

/// A resource in a path.
type Resource = PathSegment<ResourceId>;

/// The paths, for the labels of spans and metrics.
pub const PATHS: Templates = Templates::new(&[
    "/create-instance",
    "/provision-local",
    "/provision-local/:instanceId",
    "/status/batch",
    "/usage/batch",
    "/registry",
    "/version",
    "/sweep",
    "/instances/:instanceId",
    "/instances/:instanceId/tools",
    "/instances/:instanceId/tools/:toolId",
    "/destroy/:instanceId",
    "/configure/:instanceId",
    "/redeploy/:instanceId",
    "/recipe",
    "/upgrade/:instanceId",
    "/logs/:instanceId",
    "/webhooks/:infra/:secret",
    "/provision/:instanceId/:toolId",
    "/destroy/:instanceId/:toolId/:resourceId",
]);

/// Every route of the service. A path with a malformed id answers 404, like an unknown path.
#[rustfmt::skip]
pub fn routes(
    app: App,
) -> impl Filter<Extract = (Response,), Error = Infallible, Future: Send> + Clone + Send + Sync + 'static {
    let access = app.config().access.clone();
    let recorded = metrics::install();
    metrics::describe(crate::metrics::METRICS);
    let health = health::probes(app.db().clone(), access.read.clone(), recorded, app.supervisor().clone());
    let (read, key, grant) = (require(access.read), require(access.manage), require(access.grant));
    let app = warp::any().map(move || app.clone()).boxed();

    any_of([
        health.boxed(),
        openapi::routes(&crate::openapi()).boxed(),
        path!("create-instance").boxed().and(post())                 .and(key.clone()).and(json()).and(app.clone())           .then(create_instance::handle).map(answer).map(not_stored).boxed(),
        path!("provision-local").boxed().and(post())                 .and(grant.clone()).and(json()).and(app.clone())           .then(provision_local::handle).map(answer).map(not_stored).boxed(),
        path!("provision-local" / InstanceId).boxed().and(delete())  .and(grant).and(app.clone())                             .then(provision_local::destroy).map(answer).boxed(),
        path!("status" / "batch").boxed().and(post())                .and(read.clone()).and(json_or_default()).and(app.clone()).then(status_batch::handle).map(answer).boxed(),
        path!("usage" / "batch").boxed().and(post())                 .and(read.clone()).and(json()).and(app.clone())          .then(usage_batch::handle).map(answer).boxed(),
        path!("registry").boxed().and(get())                         .and(read.clone()).and(app.clone())                       .then(registry::handle).map(answer).boxed(),
        path!("version").boxed().and(get())                                                                                   .then(version::handle).map(answer).boxed(),
        path!("sweep").boxed().and(post())                           .and(key.clone()).and(json_or_default()).and(app.clone()).then(sweep::handle).map(answer).boxed(),
        path!("sweep").boxed().and(get())                            .and(read.clone()).and(app.clone())                       .then(sweep::last).map(answer).boxed(),
        path!("instances" / InstanceId).boxed().and(get())           .and(read.clone()).and(app.clone())                       .then(instance::handle).map(answer).boxed(),
        path!("instances" / InstanceId / "tools").boxed().and(put()) .and(key.clone()).and(json()).and(app.clone())           .then(ensure_tools::handle).map(answer).map(not_stored).boxed(),
        path!("instances" / InstanceId / "tools" / ToolId).boxed().and(delete()).and(key.clone()).and(app.clone()).then(remove_tool::handle).map(answer).boxed(),
        path!("destroy" / InstanceId).boxed().and(delete())          .and(key.clone()).and(app.clone())                       .then(destroy::handle).map(answer).boxed(),
        path!("configure" / InstanceId).boxed().and(post())          .and(key.clone()).and(json()).and(app.clone())           .then(configure::handle).map(answer).boxed(),
        path!("redeploy" / InstanceId).boxed().and(post())           .and(key.clone()).and(app.clone())                       .then(redeploy::handle).map(answer).boxed(),
        path!("recipe").boxed().and(post())                          .and(read.clone()).and(json_or_default()).and(app.clone()).then(recipe::handle).map(answer).boxed(),
        path!("upgrade" / InstanceId).boxed().and(post())            .and(key.clone()).and(json_or_default()).and(app.clone()).then(upgrade::handle).map(answer).boxed(),
        path!("logs" / InstanceId).boxed().and(get())                .and(key.clone()).and(query()).and(app.clone())          .then(logs::handle).map(answer).boxed(),
        path!("webhooks" / InfraId / String).boxed().and(post())     .and(unverified()).and(app.clone())                      .then(notice::handle).map(answer).boxed(),
        path!("provision" / InstanceId / String).boxed().and(post()) .and(key.clone()).and(json_or_default()).and(app.clone()).then(provision_tool::handle).map(answer).boxed(),
        path!("provision" / InstanceId / String).boxed().and(patch()).and(key.clone()).and(json()).and(app.clone())          .then(update_tool::handle).map(answer).boxed(),
        path!("destroy" / InstanceId / ToolId / Resource).boxed().and(delete()).and(key).and(app).then(destroy_tool::handle).map(answer).boxed(),
    ]).recover(unrouted).unify()
}

/// For an answer with secrets, which no proxy or browser may store.
fn not_stored(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
