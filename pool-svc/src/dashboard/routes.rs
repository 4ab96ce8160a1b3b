//! The table of the dashboard's routes.

use std::convert::identity;

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::{InstanceId, PoolName};
use agent_pool_service_kit::any_of::any_of;
use agent_pool_service_kit::auth::caller;
use agent_pool_service_kit::body::{query, unverified};
use agent_pool_service_kit::method::{get, post};
use agent_pool_service_kit::route::{Route as _, Take as _, at};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::header::ACCEPT;
use warp::http::{HeaderMap, Method};
use warp::path::FullPath;
use warp::reply::Response;

use super::gate::{Nothing, anybody, operator, reader, refused};
use super::instance::Action;
use super::problem_page::{page_or_problem, problem_page};
use super::state::Dashboard;
use super::webhooks::Action as WebhookAction;
use super::{
    assets, claim, events, fleet, instance, live, over_time, pools, providers, sign_in, webhooks,
};
use crate::pool::Pool;

/// Every page, its forms and its files.
#[rustfmt::skip]
pub(crate) fn routes(
    dashboard: &Dashboard,
    pool: &Pool,
) -> BoxedFilter<(Response,)> {
    let headers = || warp::header::headers_cloned().boxed();
    let reader = reader(dashboard.clone());
    let nothing = operator::<Nothing>(dashboard.clone());
    let count = operator(dashboard.clone());
    let filled = operator(dashboard.clone());
    let app = &dashboard.app;

    any_of([
        at::<()>("")                                      .take(get()) .take(reader.clone()).take(query())               .answered_by(app, fleet::show, page_or_problem),
        at::<()>("drain")                                 .take(get()) .take(reader.clone())                             .answered_by(app, fleet::confirm_drain, page_or_problem),
        at::<()>("drain")                                 .take(post()).take(count.clone())                              .answered_by(pool, fleet::drain, page_or_problem),
        at::<()>("replenish")                             .take(get()) .take(reader.clone())                             .answered_by(app, fleet::confirm_replenish, page_or_problem),
        at::<()>("replenish")                             .take(post()).take(count)                                      .answered_by(pool, fleet::replenish, page_or_problem),
        at::<()>("claim")                                 .take(get()) .take(reader.clone()).take(query())               .answered_by(app, claim::show, page_or_problem),
        at::<()>("claim")                                 .take(post()).take(filled.clone())                             .answered_by(pool, claim::claim, page_or_problem),
        at::<()>("claim/stream")                          .take(post()).take(filled)                                     .answered_by(pool, claim::stream, identity),
        at::<(InstanceId,)>("instances/:id/invite")       .take(get()) .take(reader.clone())                             .answered_by(app, claim::invite, page_or_problem),
        at::<(InstanceId,)>("instances/:id")              .take(get()) .take(reader.clone()).take(query())               .answered_by(app, instance::show, page_or_problem),
        at::<(InstanceId,)>("instances/:id/logs")         .take(get()) .take(reader.clone())                             .answered_by(app, instance::logs, page_or_problem),
        at::<(InstanceId,)>("instances/:id/tools")        .take(post()).take(operator(dashboard.clone()))                .answered_by(pool, instance::change_tools, page_or_problem),
        at::<(InstanceId,)>("instances/:id/limit")        .take(post()).take(operator(dashboard.clone()))                .answered_by(app, instance::change_limit, page_or_problem),
        at::<(InstanceId, Action)>("instances/:id/:act")  .take(get()) .take(reader.clone())                             .answered_by(app, instance::confirm, page_or_problem),
        at::<(InstanceId, Action)>("instances/:id/:act")  .take(post()).take(nothing)                                    .answered_by(pool, instance::perform, page_or_problem),
        at::<()>("over-time")                             .take(get()) .take(reader.clone()).take(query())               .answered_by(app, over_time::show, page_or_problem),
        at::<()>("costs")                                 .take(get()) .take(reader.clone()).take(query())               .answered_by(app, over_time::show_costs, page_or_problem),
        at::<()>("events")                                .take(get()) .take(reader.clone()).take(query())               .answered_by(app, events::show, page_or_problem),
        at::<()>("pools")                                 .take(get()) .take(reader.clone())                             .answered_by(app, pools::list, page_or_problem),
        at::<()>("pools")                                 .take(post()).take(operator(dashboard.clone()))                .answered_by(pool, pools::declare, page_or_problem),
        at::<(PoolName,)>("pools/:name")                  .take(get()) .take(reader.clone())                             .answered_by(app, pools::show, page_or_problem),
        at::<(PoolName,)>("pools/:name")                  .take(post()).take(operator(dashboard.clone()))                .answered_by(pool, pools::save, page_or_problem),
        at::<(PoolName,)>("pools/:name/pause")            .take(post()).take(operator(dashboard.clone()))                .answered_by(pool, pools::pause, page_or_problem),
        at::<(PoolName,)>("pools/:name/rollout")          .take(post()).take(operator(dashboard.clone()))                .answered_by(pool, pools::act, page_or_problem),
        at::<(PoolName,)>("pools/:name/delete")           .take(get()) .take(reader.clone())                             .answered_by(app, pools::confirm_delete, page_or_problem),
        at::<(PoolName,)>("pools/:name/delete")           .take(post()).take(operator(dashboard.clone()))                .answered_by(pool, pools::delete, page_or_problem),
        at::<(PoolName,)>("pools/:name/simulation")       .take(get()) .take(reader.clone()).take(query())               .answered_by(app, pools::simulation, page_or_problem),
        at::<()>("providers")                             .take(get()) .take(reader.clone()).take(query())               .answered_by(app, providers::show, page_or_problem),
        at::<()>("providers/orphans")                     .take(get()) .take(reader.clone()).take(query())               .answered_by(app, providers::confirm, page_or_problem),
        at::<()>("providers/sweep")                       .take(post()).take(operator(dashboard.clone()))                .answered_by(app, providers::sweep, page_or_problem),
        at::<()>("webhooks")                              .take(get()) .take(reader.clone())                             .answered_by(app, webhooks::show, page_or_problem),
        at::<()>("webhooks")                              .take(post()).take(operator(dashboard.clone()))                .answered_by(app, webhooks::add, page_or_problem),
        at::<(String, WebhookAction)>("webhooks/:id/:act").take(post()).take(operator::<Nothing>(dashboard.clone()))     .answered_by(app, webhooks::perform, page_or_problem),
        at::<()>("live")                                  .take(get()) .take(reader)                   .answered_by(&(dashboard.clone(), pool.clone()), live::stream, identity),
        at::<()>("sign-in")                               .take(get()) .take(query()).take(headers())                    .answered_by(dashboard, sign_in::show, page_or_problem),
        at::<()>("sign-in")                               .take(post()).take(headers()).take(unverified()).take(caller()).answered_by(dashboard, sign_in::begin, page_or_problem),
        at::<()>("sign-out")                              .take(post()).take(headers()).take(anybody(dashboard.clone()))         .answered_by(dashboard, sign_in::end, page_or_problem),
        at::<(String, String)>("assets/:version/:name")   .take(get()) .take(headers())                                  .answered_by(&(), |version, name, headers, ()| assets::serve(version, name, headers), page_or_problem),
    ]).recover(refused).unify().boxed()
}

/// Answers an unknown path with a page if a browser asks; programs get a problem as JSON.
pub(crate) fn not_found() -> BoxedFilter<(Response,)> {
    // Not `get()`: its rejection would say that every path accepts GET.
    warp::method()
        .and(warp::path::full())
        .and(warp::header::headers_cloned())
        .and_then(
            |method: Method, path: FullPath, headers: HeaderMap| async move {
                let accepts = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
                let person = accepts.is_some_and(|kinds| kinds.contains("text/html"));
                if person && method == Method::GET && !path.as_str().starts_with("/api/") {
                    let detail =
                        "this page does not exist. It may belong to an instance that was destroyed";
                    Ok(problem_page(&Problem::new(
                        ProblemCode::UnknownRoute,
                        detail,
                    )))
                } else {
                    Err(warp::reject::not_found())
                }
            },
        )
        .boxed()
}
