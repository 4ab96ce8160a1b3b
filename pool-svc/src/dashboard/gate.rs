//! Who may see a page, and who may send a form: decided before any handler runs.

use std::convert::Infallible;

use agent_pool_core::wire::problem::Problem;
use agent_pool_service_kit::body::{form, parse_form};
use agent_pool_service_kit::problem::{of, reject};
use chrono::Utc;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use warp::http::HeaderMap;
use warp::http::header::COOKIE;
use warp::path::FullPath;
use warp::reject::Reject;
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::reply;
use super::session::{Role, Session};
use super::sign_in::to_sign_in;
use super::state::Dashboard;

/// Nobody is signed in: to be asked for a key, and to go on to `next` then.
#[derive(Debug)]
struct SignInFirst {
    next: String,
}

impl Reject for SignInFirst {}

/// Who is signed in, if anybody is.
pub(super) fn session(dashboard: &Dashboard, headers: &HeaderMap) -> Option<Session> {
    let header = headers.get(COOKIE)?.to_str().ok()?;
    dashboard.keys.session(header, Utc::now())
}

/// Lets pass who is signed in; sends others to sign in.
pub(super) fn reader(
    dashboard: Dashboard,
) -> impl Filter<Extract = (Session,), Error = Rejection> + Clone + Send + Sync + 'static {
    warp::path::full()
        .and(warp::query::raw().or(warp::any().map(String::new)).unify())
        .and(warp::header::headers_cloned())
        .and_then(move |path: FullPath, query: String, headers: HeaderMap| {
            let session = super::gate::session(&dashboard, &headers).ok_or_else(|| {
                let next = match query.as_str() {
                    "" => path.as_str().to_owned(),
                    query => format!("{}?{query}", path.as_str()),
                };
                warp::reject::custom(SignInFirst { next })
            });
            async { session }
        })
}

/// Lets pass an operator who sends a form of one of their own pages.
pub(super) fn operator<T: DeserializeOwned + Send + 'static>(
    dashboard: Dashboard,
) -> impl Filter<Extract = (Session, T), Error = Rejection> + Clone + Send + Sync + 'static {
    writer(dashboard, |role| role == Role::Operator)
}

/// Lets pass whoever sends a form of one of their own pages.
pub(super) fn anybody<T: DeserializeOwned + Send + 'static>(
    dashboard: Dashboard,
) -> impl Filter<Extract = (Session, T), Error = Rejection> + Clone + Send + Sync + 'static {
    writer(dashboard, |_| true)
}

fn writer<T: DeserializeOwned + Send + 'static>(
    dashboard: Dashboard,
    may: fn(Role) -> bool,
) -> impl Filter<Extract = (Session, T), Error = Rejection> + Clone + Send + Sync + 'static {
    warp::header::headers_cloned()
        .and_then(move |headers: HeaderMap| {
            let verdict = may_write(&dashboard, &headers, may);
            async { verdict }
        })
        .and(form())
        .and_then(|session: Session, body: Vec<u8>| async move {
            let fields = read(&session, &body).map_err(reject)?;
            Ok::<_, Rejection>((session, fields))
        })
        .untuple_one()
}

fn may_write(
    dashboard: &Dashboard,
    headers: &HeaderMap,
    may: fn(Role) -> bool,
) -> Result<Session, Rejection> {
    from_here(headers).map_err(reject)?;
    let next = "/".to_owned();
    let session = session(dashboard, headers);
    let session = session.ok_or_else(|| warp::reject::custom(SignInFirst { next }))?;
    if may(session.role) {
        Ok(session)
    } else {
        Err(reject(readers_read()))
    }
}

/// Refuses a form that a browser says comes from another site. Older browsers do not say.
pub(super) fn from_here(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get("sec-fetch-site").map(|site| site.as_bytes()) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(foreign_form()),
    }
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
}

fn read<T: DeserializeOwned>(session: &Session, body: &[u8]) -> Result<T, Problem> {
    let Token { token } = parse_form(body)?;
    if session.wrote(&token) {
        parse_form(body)
    } else {
        Err(foreign_form())
    }
}

fn foreign_form() -> Problem {
    let detail = "the form is of another session, or of another site: nothing was done. \
                  Go back to the dashboard, reload the page, and send it from there";
    Problem::new(403, "foreign_form", detail)
}

/// Shows a page that leads to a change to operators alone.
pub(super) fn operators_only(session: &Session) -> Result<(), Problem> {
    match session.role {
        Role::Operator => Ok(()),
        Role::Reader => Err(readers_read()),
    }
}

fn readers_read() -> Problem {
    let detail = "you are signed in with a key to look only: nothing was done. \
                  Sign out, and sign in with a key of POOL_API_KEY";
    Problem::new(403, "readers_read", detail)
}

/// A form without fields of its own.
#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

/// Answers what the filters above refused, as a page. What is none of the dashboard's paths stays refused.
pub(super) async fn refused(rejection: Rejection) -> Result<Response, Rejection> {
    if let Some(SignInFirst { next }) = rejection.find() {
        return Ok(to_sign_in(next));
    }
    match of(&rejection) {
        Some(problem) => Ok(reply::problem(problem)),
        None => Err(rejection),
    }
}

/// What a handler needs: the app, or the dashboard.
pub(super) fn with<T: Clone + Send + Sync + 'static>(
    state: T,
) -> impl Filter<Extract = (T,), Error = Infallible> + Clone + Send + Sync + 'static {
    warp::any().map(move || state.clone())
}
