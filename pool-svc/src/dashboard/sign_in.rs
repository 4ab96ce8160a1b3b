//! Signing in and out.

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_service_kit::auth::Caller;
use agent_pool_service_kit::body::parse_form;
use maud::{Markup, html};
use serde::Deserialize;
use tracing::info;
use warp::http::{HeaderMap, StatusCode};
use warp::reply::Response;

use super::assets::ICON;
use super::gate::{self, Nothing};
use super::session::Session;
use super::state::Dashboard;
use super::{page, reply};
use crate::problem::from_database;

/// Where to go after signing in.
#[derive(Debug, Default, Deserialize)]
pub(super) struct SignInQuery {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Presented {
    #[serde(default)]
    key: String,
    #[serde(default)]
    next: String,
}

/// `GET /sign-in`
pub(super) async fn show(
    query: SignInQuery,
    headers: HeaderMap,
    dashboard: Dashboard,
) -> Result<Response, Problem> {
    let next = ours(&query.next);
    Ok(match gate::session(&dashboard, &headers).await? {
        Some(_) => reply::see_other(next),
        None => reply::ok(form(next, None)),
    })
}

/// `POST /sign-in`
pub(super) async fn begin(
    headers: HeaderMap,
    body: Vec<u8>,
    caller: Caller,
    dashboard: Dashboard,
) -> Result<Response, Problem> {
    dashboard.require_same_origin(&headers)?;
    let Presented { key, next } = parse_form(&body)?;
    let next = ours(&next);
    match dashboard.begin_session(&caller, key.trim(), &headers).await {
        Ok((session, cookie)) => {
            let (name, role) = (&session.name, session.role.as_str());
            info!(role, "{name} signed in to the dashboard as {role}");
            Ok(reply::see_other_with_cookie(next, &cookie))
        }
        Err(problem) if problem.code == ProblemCode::Unauthorized => {
            let wrong = "This key is not valid. Use a key from POOL_API_KEY, or from \
                         POOL_READ_KEY for read-only access.";
            Ok(reply::page(StatusCode::FORBIDDEN, form(next, Some(wrong))))
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /sign-out`
pub(super) async fn end(
    headers: HeaderMap,
    session: Session,
    _: Nothing,
    dashboard: Dashboard,
) -> Result<Response, Problem> {
    let ended = dashboard.end_session(&session).await;
    ended.map_err(from_database)?;
    let cookie = dashboard.cookies.end(&headers);
    Ok(reply::see_other_with_cookie("/sign-in", &cookie))
}

/// `next` if it is a path of this site, or else `/`: no link may redirect to another site.
fn ours(next: &str) -> &str {
    let elsewhere = next.starts_with("//") || next.contains(['\\', '\r', '\n', '\t']);
    if next.starts_with('/') && !elsewhere {
        next
    } else {
        "/"
    }
}

fn form(next: &str, wrong: Option<&str>) -> Markup {
    let content = html! {
        main #main .narrow tabindex="-1" {
            h1 .brand { img src=(ICON.url()) alt=""; "agent-pool" }
            p .lead { "A warm pool of AI agents" }
            @if let Some(wrong) = wrong {
                p #wrong .notice.bad role="alert" { (wrong) }
            }
            form method="post" action="/sign-in" .card {
                input type="hidden" name="next" value=(next);
                label for="key" { "Key" }
                input #key type="password" name="key" required autofocus
                    autocomplete="current-password" spellcheck="false"
                    aria-invalid=[wrong.map(|_| "true")] aria-describedby=(if wrong.is_some() { "wrong" } else { "hint" });
                p #hint .hint { "A key from POOL_API_KEY, or from POOL_READ_KEY for read-only access." }
                button type="submit" .primary { "Sign in" }
            }
        }
    };
    page::html_page("Sign in", &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_link_leads_to_another_site() {
        for elsewhere in ["", "//evil", "https://evil", "/\\evil", "/\t/evil", "evil"] {
            assert_eq!(ours(elsewhere), "/", "{elsewhere:?}");
        }
        assert_eq!(ours("/?q=a&page=2"), "/?q=a&page=2");
    }
}
