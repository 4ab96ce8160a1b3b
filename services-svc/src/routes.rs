//! The Services API as one table.

use std::convert::Infallible;

use agent_pool_core::{InstanceId, ResourceId, ToolId};
use agent_pool_service_kit::auth::require;
use agent_pool_service_kit::body::{json, json_or_default, query};
use agent_pool_service_kit::http_server::Templates;
use agent_pool_service_kit::method::{delete, get, post};
use agent_pool_service_kit::problem::{answer, unrouted};
use agent_pool_service_kit::{health, metrics};
use warp::http::HeaderValue;
use warp::http::header::CACHE_CONTROL;
use warp::reply::Response;
use warp::{Filter, path};

use crate::app::App;
use crate::handlers::{
    configure, create_instance, destroy, destroy_tool, instance, logs, provision_local,
    provision_tool, redeploy, registry, status_batch, sweep,
};
use crate::path_segment::PathSegment;

/// A resource in a path.
type Resource = PathSegment<ResourceId>;

/// The paths, for the labels of spans and metrics.
pub const PATHS: Templates = Templates::new(&[
    "/create-instance",
    "/provision-local",
    "/status/batch",
    "/registry",
    "/sweep",
    "/instances/:instanceId",
    "/destroy/:instanceId",
    "/configure/:instanceId",
    "/redeploy/:instanceId",
    "/logs/:instanceId",
    "/provision/:instanceId/:toolId",
    "/destroy/:instanceId/:toolId/:resourceId",
]);

/// Every route of the service. A path with a malformed id answers 404, like an unknown path.
#[rustfmt::skip]
pub fn routes(
    app: App,
) -> impl Filter<Extract = (Response,), Error = Infallible, Future: Send> + Clone + Send + Sync + 'static {
    let keys = app.config().http.pool_api_key.clone();
    let health = health::probes(app.db().clone(), keys.clone(), metrics::install(), app.supervisor().clone());
    let key = require(keys);
    let app = warp::any().map(move || app.clone());

    health.boxed()
        .or(path!("create-instance").and(post())                 .and(key.clone()).and(json()).and(app.clone())           .then(create_instance::handle).map(answer).boxed()).unify()
        .or(path!("provision-local").and(post())                 .and(key.clone()).and(json()).and(app.clone())           .then(provision_local::handle).map(answer).map(not_stored).boxed()).unify()
        .or(path!("status" / "batch").and(post())                .and(key.clone()).and(json_or_default()).and(app.clone()).then(status_batch::handle).map(answer).boxed()).unify()
        .or(path!("registry").and(get())                         .and(key.clone()).and(app.clone())                       .then(registry::handle).map(answer).boxed()).unify()
        .or(path!("sweep").and(post())                           .and(key.clone()).and(json_or_default()).and(app.clone()).then(sweep::handle).map(answer).boxed()).unify()
        .or(path!("sweep").and(get())                            .and(key.clone()).and(app.clone())                       .then(sweep::last).map(answer).boxed()).unify()
        .or(path!("instances" / InstanceId).and(get())           .and(key.clone()).and(app.clone())                       .then(instance::handle).map(answer).boxed()).unify()
        .or(path!("destroy" / InstanceId).and(delete())          .and(key.clone()).and(app.clone())                       .then(destroy::handle).map(answer).boxed()).unify()
        .or(path!("configure" / InstanceId).and(post())          .and(key.clone()).and(json()).and(app.clone())           .then(configure::handle).map(answer).boxed()).unify()
        .or(path!("redeploy" / InstanceId).and(post())           .and(key.clone()).and(app.clone())                       .then(redeploy::handle).map(answer).boxed()).unify()
        .or(path!("logs" / InstanceId).and(get())                .and(key.clone()).and(query()).and(app.clone())          .then(logs::handle).map(answer).boxed()).unify()
        .or(path!("provision" / InstanceId / String).and(post()) .and(key.clone()).and(json_or_default()).and(app.clone()).then(provision_tool::handle).map(answer).boxed()).unify()
        .or(path!("destroy" / InstanceId / ToolId / Resource).and(delete()).and(key).and(app).then(destroy_tool::handle).map(answer).boxed()).unify()
        .recover(unrouted).unify()
}

/// For an answer with secrets, which no proxy or browser may store.
fn not_stored(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
