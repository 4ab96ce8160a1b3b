//! Access control: decides who may see a page or submit a form, before any handler runs.

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_service_kit::auth::{Caller, caller};
use agent_pool_service_kit::body::{form, parse_form};
use agent_pool_service_kit::problem::{problem_of, reject};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded;
use warp::filters::BoxedFilter;
use warp::http::HeaderMap;
use warp::path::FullPath;
use warp::reject::Reject;
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::origin::foreign_form;
use super::problem_page::problem_page;
use super::reply;
use super::session::{Role, Session};
use super::state::Dashboard;
use crate::problem::from_database;

/// The request has no valid session. The sign-in page then redirects to `next`.
#[derive(Debug)]
struct SignInFirst {
    next: String,
}

impl Reject for SignInFirst {}

/// The session of a request, if it has one.
pub(super) async fn session(
    dashboard: &Dashboard,
    headers: &HeaderMap,
) -> Result<Option<Session>, Problem> {
    let found = dashboard.find_session(headers).await;
    found.map_err(from_database)
}

async fn require_session(
    dashboard: &Dashboard,
    headers: &HeaderMap,
    caller: &Caller,
    next: String,
) -> Result<Session, Rejection> {
    let session = session(dashboard, headers).await.map_err(reject)?;
    let session = session.ok_or_else(|| warp::reject::custom(SignInFirst { next }))?;
    session.principal(caller).enter();
    Ok(session)
}

/// Requires a session; redirects other requests to the sign-in page.
pub(super) fn reader(dashboard: Dashboard) -> BoxedFilter<(Session,)> {
    warp::path::full()
        .and(warp::query::raw().or(warp::any().map(String::new)).unify())
        .and(warp::header::headers_cloned())
        .and(caller())
        .and_then(
            move |path: FullPath, query: String, headers: HeaderMap, caller: Caller| {
                let next = match query.as_str() {
                    "" => path.as_str().to_owned(),
                    query => format!("{}?{query}", path.as_str()),
                };
                let dashboard = dashboard.clone();
                async move { require_session(&dashboard, &headers, &caller, next).await }
            },
        )
        .boxed()
}

/// Requires an operator's session and a form from one of its pages.
pub(super) fn operator<T: DeserializeOwned + Send + 'static>(
    dashboard: Dashboard,
) -> BoxedFilter<(Session, T)> {
    writer(dashboard, |role| role == Role::Operator)
}

/// Requires any session and a form from one of its pages.
pub(super) fn anybody<T: DeserializeOwned + Send + 'static>(
    dashboard: Dashboard,
) -> BoxedFilter<(Session, T)> {
    writer(dashboard, |_| true)
}

fn writer<T: DeserializeOwned + Send + 'static>(
    dashboard: Dashboard,
    may: fn(Role) -> bool,
) -> BoxedFilter<(Session, T)> {
    submitted(dashboard, may)
        .and_then(|session: Session, body: Vec<u8>| async move {
            let fields = read(&session, &body).map_err(reject)?;
            Ok::<_, Rejection>((session, fields))
        })
        .untuple_one()
        .boxed()
}

/// The session and the body of a form.
fn submitted(dashboard: Dashboard, may: fn(Role) -> bool) -> BoxedFilter<(Session, Vec<u8>)> {
    warp::header::headers_cloned()
        .and(caller())
        .and_then(move |headers: HeaderMap, caller: Caller| {
            let dashboard = dashboard.clone();
            async move { may_write(&dashboard, &headers, &caller, may).await }
        })
        .and(form())
        .boxed()
}

async fn may_write(
    dashboard: &Dashboard,
    headers: &HeaderMap,
    caller: &Caller,
    may: fn(Role) -> bool,
) -> Result<Session, Rejection> {
    dashboard.require_same_origin(headers).map_err(reject)?;
    let session = require_session(dashboard, headers, caller, "/".to_owned()).await?;
    if may(session.role) {
        Ok(session)
    } else {
        Err(reject(read_only()))
    }
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
}

fn read<T: DeserializeOwned>(session: &Session, body: &[u8]) -> Result<T, Problem> {
    let Token { token } = parse_form(body)?;
    if session.accepts(&token) {
        parse_form(body)
    } else {
        Err(foreign_form())
    }
}

/// Refuses readers a page whose only purpose is a change.
pub(super) fn require_operator(session: &Session) -> Result<(), Problem> {
    match session.role {
        Role::Operator => Ok(()),
        Role::Reader => Err(read_only()),
    }
}

fn read_only() -> Problem {
    let detail = "you are signed in with a read-only key, so nothing was changed. \
                  Sign out and sign in with a key from POOL_API_KEY";
    Problem::new(ProblemCode::ReadersRead, detail)
}

/// A form without fields.
#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

/// Answers rejections of the filters above with a page. Other rejections stay as they are.
pub(super) async fn refused(rejection: Rejection) -> Result<Response, Rejection> {
    if let Some(SignInFirst { next }) = rejection.find() {
        return Ok(to_sign_in(next));
    }
    match problem_of(&rejection) {
        Some(problem) => Ok(problem_page(problem)),
        None => Err(rejection),
    }
}

/// Redirects to the sign-in page, and to `next` afterwards.
fn to_sign_in(next: &str) -> Response {
    if next == "/" {
        return reply::see_other("/sign-in");
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", next)
        .finish();
    reply::see_other(&format!("/sign-in?{query}"))
}
