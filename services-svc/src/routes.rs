//! The Services API as one table.

use std::convert::Infallible;

use agent_pool_core::wire::problem::Problem;
use agent_pool_core::{InfraId, InstanceId, ResourceId, ToolId};
use agent_pool_service_kit::any_of::any_of;
use agent_pool_service_kit::auth::require;
use agent_pool_service_kit::body::{json, json_or_default, query, unverified};
use agent_pool_service_kit::http_server::Templates;
use agent_pool_service_kit::method::{delete, get, patch, post, put};
use agent_pool_service_kit::problem::{answer, unrouted};
use agent_pool_service_kit::route::{Route as _, Take as _, at};
use agent_pool_service_kit::{health, metrics, openapi};
use serde::Serialize;
use warp::Filter;
use warp::http::HeaderValue;
use warp::http::header::CACHE_CONTROL;
use warp::reply::Response;

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

    any_of([
        health.boxed(),
        openapi::routes(&crate::openapi()).boxed(),
        at::<()>("create-instance")                                                    .take(post())  .take(key.clone()).take(json())            .answered_by(&app, create_instance::handle, not_stored),
        at::<()>("provision-local")                                                    .take(post())  .take(grant.clone()).take(json())          .answered_by(&app, provision_local::handle, not_stored),
        at::<(InstanceId,)>("provision-local/:instanceId")                             .take(delete()).take(grant)                               .answered_by(&app, provision_local::destroy, answer),
        at::<()>("status/batch")                                                       .take(post())  .take(read.clone()).take(json_or_default()).answered_by(&app, status_batch::handle, answer),
        at::<()>("usage/batch")                                                        .take(post())  .take(read.clone()).take(json())           .answered_by(&app, usage_batch::handle, answer),
        at::<()>("registry")                                                           .take(get())   .take(read.clone())                        .answered_by(&app, registry::handle, answer),
        at::<()>("version")                                                            .take(get())                                              .answered_by(&(), |()| version::handle(), answer),
        at::<()>("sweep")                                                              .take(post())  .take(key.clone()).take(json_or_default()) .answered_by(&app, sweep::handle, answer),
        at::<()>("sweep")                                                              .take(get())   .take(read.clone())                        .answered_by(&app, sweep::last, answer),
        at::<(InstanceId,)>("instances/:instanceId")                                   .take(get())   .take(read.clone())                        .answered_by(&app, instance::handle, answer),
        at::<(InstanceId,)>("instances/:instanceId/tools")                             .take(put())   .take(key.clone()).take(json())            .answered_by(&app, ensure_tools::handle, not_stored),
        at::<(InstanceId, ToolId)>("instances/:instanceId/tools/:toolId")              .take(delete()).take(key.clone())                         .answered_by(&app, remove_tool::handle, answer),
        at::<(InstanceId,)>("destroy/:instanceId")                                     .take(delete()).take(key.clone())                         .answered_by(&app, destroy::handle, answer),
        at::<(InstanceId,)>("configure/:instanceId")                                   .take(post())  .take(key.clone()).take(json())            .answered_by(&app, configure::handle, answer),
        at::<(InstanceId,)>("redeploy/:instanceId")                                    .take(post())  .take(key.clone())                         .answered_by(&app, redeploy::handle, answer),
        at::<()>("recipe")                                                             .take(post())  .take(read.clone()).take(json_or_default()).answered_by(&app, recipe::handle, answer),
        at::<(InstanceId,)>("upgrade/:instanceId")                                     .take(post())  .take(key.clone()).take(json_or_default()) .answered_by(&app, upgrade::handle, answer),
        at::<(InstanceId,)>("logs/:instanceId")                                        .take(get())   .take(key.clone()).take(query())           .answered_by(&app, logs::handle, answer),
        at::<(InfraId, String)>("webhooks/:infra/:secret")                             .take(post())  .take(unverified())                        .answered_by(&app, notice::handle, answer),
        at::<(InstanceId, String)>("provision/:instanceId/:toolId")                    .take(post())  .take(key.clone()).take(json_or_default()) .answered_by(&app, provision_tool::handle, answer),
        at::<(InstanceId, String)>("provision/:instanceId/:toolId")                    .take(patch()) .take(key.clone()).take(json())            .answered_by(&app, update_tool::handle, answer),
        at::<(InstanceId, ToolId, Resource)>("destroy/:instanceId/:toolId/:resourceId").take(delete()).take(key)                                 .answered_by(&app, destroy_tool::handle, answer),
    ]).recover(unrouted).unify()
}

/// An answer with secrets, which no proxy or browser may store.
fn not_stored<T: Serialize>(result: Result<T, Problem>) -> Response {
    let mut response = answer(result);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
