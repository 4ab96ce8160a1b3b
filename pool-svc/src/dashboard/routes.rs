//! The table of the dashboard's routes.

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::{InstanceId, PoolName};
use agent_pool_service_kit::any_of::any_of;
use agent_pool_service_kit::auth::caller;
use agent_pool_service_kit::body::{query, unverified};
use agent_pool_service_kit::method::{get, post};
use warp::http::header::ACCEPT;
use warp::http::{HeaderMap, Method};
use warp::path::FullPath;
use warp::reply::Response;
use warp::{Filter, Rejection, path};

use super::gate::{Nothing, anybody, operator, reader, refused, with};
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
    dashboard: Dashboard,
    pool: Pool,
) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + 'static {
    let headers = warp::header::headers_cloned;
    let reader = reader(dashboard.clone());
    let nothing = operator::<Nothing>(dashboard.clone());
    let count = operator(dashboard.clone());
    let filled = operator(dashboard.clone());
    let it = with(dashboard.app.clone());
    let own = with(dashboard.clone());
    let pool = with(pool);

    any_of([
        path::end().boxed().and(get())                                   .and(reader.clone()).and(query())  .and(it.clone()).then(fleet::show).map(page_or_problem).boxed(),
        path!("drain").boxed().and(get())                        .and(reader.clone())               .and(it.clone()).then(fleet::confirm_drain).map(page_or_problem).boxed(),
        path!("drain").boxed().and(post())                       .and(count.clone())                .and(pool.clone()).then(fleet::drain).map(page_or_problem).boxed(),
        path!("replenish").boxed().and(get())                    .and(reader.clone())               .and(it.clone()).then(fleet::confirm_replenish).map(page_or_problem).boxed(),
        path!("replenish").boxed().and(post())                   .and(count)                        .and(pool.clone()).then(fleet::replenish).map(page_or_problem).boxed(),
        path!("claim").boxed().and(get())                        .and(reader.clone()).and(query())  .and(it.clone()).then(claim::show).map(page_or_problem).boxed(),
        path!("claim").boxed().and(post())                       .and(filled.clone())               .and(pool.clone()).then(claim::claim).map(page_or_problem).boxed(),
        path!("claim" / "stream").boxed().and(post())            .and(filled)                       .and(pool.clone()).then(claim::stream).boxed(),
        path!("instances" / InstanceId / "invite").boxed().and(get()).and(reader.clone())           .and(it.clone()).then(claim::invite).map(page_or_problem).boxed(),
        path!("instances" / InstanceId).boxed().and(get())       .and(reader.clone()).and(query())  .and(it.clone()).then(instance::show).map(page_or_problem).boxed(),
        path!("instances" / InstanceId / "logs").boxed().and(get()).and(reader.clone())             .and(it.clone()).then(instance::logs).map(page_or_problem).boxed(),
        path!("instances" / InstanceId / "tools").boxed().and(post()).and(operator(dashboard.clone())).and(pool.clone()).then(instance::change_tools).map(page_or_problem).boxed(),
        path!("instances" / InstanceId / "limit").boxed().and(post()).and(operator(dashboard.clone())) .and(it.clone()).then(instance::change_limit).map(page_or_problem).boxed(),
        path!("instances" / InstanceId / Action).boxed().and(get()) .and(reader.clone())               .and(it.clone()).then(instance::confirm).map(page_or_problem).boxed(),
        path!("instances" / InstanceId / Action).boxed().and(post()).and(nothing)                      .and(pool.clone()).then(instance::perform).map(page_or_problem).boxed(),
        path!("over-time").boxed().and(get())                    .and(reader.clone()).and(query())  .and(it.clone()).then(over_time::show).map(page_or_problem).boxed(),
        path!("costs").boxed().and(get())                        .and(reader.clone()).and(query())  .and(it.clone()).then(over_time::show_costs).map(page_or_problem).boxed(),
        path!("events").boxed().and(get())                       .and(reader.clone()).and(query())  .and(it.clone()).then(events::show).map(page_or_problem).boxed(),
        path!("pools").boxed().and(get())                        .and(reader.clone())               .and(it.clone()).then(pools::list).map(page_or_problem).boxed(),
        path!("pools" / PoolName).boxed().and(get())             .and(reader.clone())               .and(it.clone()).then(pools::show).map(page_or_problem).boxed(),
        path!("pools" / PoolName).boxed().and(post())            .and(operator(dashboard.clone()))  .and(pool.clone()).then(pools::save).map(page_or_problem).boxed(),
        path!("pools" / PoolName / "pause").boxed().and(post())  .and(operator(dashboard.clone()))  .and(pool.clone()).then(pools::pause).map(page_or_problem).boxed(),
        path!("pools" / PoolName / "rollout").boxed().and(post()).and(operator(dashboard.clone()))  .and(pool.clone()).then(pools::act).map(page_or_problem).boxed(),
        path!("pools" / PoolName / "delete").boxed().and(get())  .and(reader.clone())               .and(it.clone()).then(pools::confirm_delete).map(page_or_problem).boxed(),
        path!("pools" / PoolName / "delete").boxed().and(post()) .and(operator(dashboard.clone()))  .and(pool.clone()).then(pools::delete).map(page_or_problem).boxed(),
        path!("pools" / PoolName / "simulation").boxed().and(get()).and(reader.clone()).and(query())  .and(it.clone()).then(pools::simulation).map(page_or_problem).boxed(),
        path!("providers").boxed().and(get())                    .and(reader.clone()).and(query())  .and(it.clone()).then(providers::show).map(page_or_problem).boxed(),
        path!("providers" / "orphans").boxed().and(get())        .and(reader.clone()).and(query())  .and(it.clone()).then(providers::confirm).map(page_or_problem).boxed(),
        path!("providers" / "sweep").boxed().and(post())         .and(operator(dashboard.clone()))  .and(it.clone()).then(providers::sweep).map(page_or_problem).boxed(),
        path!("webhooks").boxed().and(get())                     .and(reader.clone())               .and(it.clone()).then(webhooks::show).map(page_or_problem).boxed(),
        path!("webhooks").boxed().and(post())                    .and(operator(dashboard.clone()))  .and(it.clone()).then(webhooks::add).map(page_or_problem).boxed(),
        path!("webhooks" / String / WebhookAction).boxed().and(post()).and(operator::<Nothing>(dashboard.clone())).and(it.clone()).then(webhooks::perform).map(page_or_problem).boxed(),
        path!("live").boxed().and(get())                         .and(reader)                       .and(own.clone()).and(pool).then(live::stream).boxed(),
        path!("sign-in").boxed().and(get())                      .and(query()).and(headers())       .and(own.clone()).then(sign_in::show).map(page_or_problem).boxed(),
        path!("sign-in").boxed().and(post())                     .and(headers()).and(unverified()).and(caller()).and(own.clone()).then(sign_in::begin).map(page_or_problem).boxed(),
        path!("sign-out").boxed().and(post())                    .and(headers()).and(anybody(dashboard)).and(own).then(sign_in::end).map(page_or_problem).boxed(),
        path!("assets" / String / String).boxed().and(get())     .and(headers())                    .then(assets::serve).map(page_or_problem).boxed(),
    ]).recover(refused).unify()
}

/// Answers an unknown path with a page if a browser asks; programs get a problem as JSON.
pub(crate) fn not_found()
-> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + 'static {
    // Not `get()`: its rejection would claim that every path accepts GET.
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
}
