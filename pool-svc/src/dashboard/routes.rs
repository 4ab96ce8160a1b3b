//! The table of the dashboard's routes.

use agent_pool_core::wire::problem::Problem;
use agent_pool_service_kit::body::{form, query};
use agent_pool_service_kit::method::{get, post};
use warp::http::HeaderMap;
use warp::http::header::ACCEPT;
use warp::path::FullPath;
use warp::reply::Response;
use warp::{Filter, Rejection, path};

use super::gate::{anybody, reader, refused, with};
use super::reply::page_or_problem;
use super::{assets, fleet, reply, sign_in};
use crate::app::App;

/// Every page, its forms and its files.
#[rustfmt::skip]
pub(crate) fn routes(
    app: App,
) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + 'static {
    let headers = warp::header::headers_cloned;
    let reader = reader(app.clone());
    let it = with(app.clone());

    path::end().and(get())                             .and(reader)           .and(it.clone()).then(fleet::show).map(page_or_problem).boxed()
        .or(path!("sign-in").and(get())                .and(query()).and(headers()).and(it.clone()).then(sign_in::show).map(page_or_problem).boxed()).unify()
        .or(path!("sign-in").and(post())               .and(headers()).and(form()).and(it).then(sign_in::begin).map(page_or_problem).boxed()).unify()
        .or(path!("sign-out").and(post())              .and(headers()).and(anybody(app)).then(sign_in::end).map(page_or_problem).boxed()).unify()
        .or(path!("assets" / String / String).and(get()).and(headers()).then(assets::serve).map(page_or_problem).boxed()).unify()
        .boxed().recover(refused).unify()
}

/// A path that there is not, for a person; a program gets its problem as JSON.
pub(crate) fn not_found()
-> impl Filter<Extract = (Response,), Error = Rejection> + Clone + Send + Sync + 'static {
    get()
        .and(warp::path::full())
        .and(warp::header::headers_cloned())
        .and_then(|path: FullPath, headers: HeaderMap| async move {
            let accepts = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
            let person = accepts.is_some_and(|kinds| kinds.contains("text/html"));
            if person && !path.as_str().starts_with("/api/") {
                let detail = "there is no such page: it may be of an instance that is long gone";
                Ok(reply::problem(&Problem::new(404, "unknown_route", detail)))
            } else {
                Err(warp::reject::not_found())
            }
        })
}
