//! Signing in and out.

use agent_pool_core::wire::problem::Problem;
use agent_pool_service_kit::body::parse_form;
use chrono::Utc;
use maud::{Markup, html};
use serde::Deserialize;
use tracing::info;
use url::form_urlencoded;
use warp::http::{HeaderMap, StatusCode};
use warp::reply::Response;

use super::assets::ICON;
use super::gate::{self, Nothing};
use super::session::Session;
use super::state::Dashboard;
use super::{page, reply, session};

/// Where to go once signed in.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
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

/// Asks for a key, and then goes on to `next`.
pub(super) fn to_sign_in(next: &str) -> Response {
    if next == "/" {
        return reply::see_other("/sign-in");
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", next)
        .finish();
    reply::see_other(&format!("/sign-in?{query}"))
}

/// `GET /sign-in`
pub(super) async fn show(
    asked: Asked,
    headers: HeaderMap,
    dashboard: Dashboard,
) -> Result<Response, Problem> {
    let next = ours(&asked.next);
    Ok(match gate::session(&dashboard, &headers) {
        Some(_) => reply::see_other(next),
        None => reply::ok(form(next, None)),
    })
}

/// `POST /sign-in`
pub(super) async fn begin(
    headers: HeaderMap,
    body: Vec<u8>,
    dashboard: Dashboard,
) -> Result<Response, Problem> {
    gate::from_here(&headers)?;
    let Presented { key, next } = parse_form(&body)?;
    let next = ours(&next);
    Ok(match dashboard.keys.begin(key.trim(), Utc::now()) {
        Some(cookie) => {
            info!("somebody signed in to the dashboard");
            reply::see_other_with(next, cookie, &headers)
        }
        None => {
            info!("somebody was not let in to the dashboard: the key is not accepted");
            let wrong = "That key is not accepted. Compare it with POOL_API_KEY, or with \
                         POOL_READ_KEY to look only.";
            reply::page(StatusCode::FORBIDDEN, form(next, Some(wrong)))
        }
    })
}

/// `POST /sign-out`
pub(super) async fn end(
    headers: HeaderMap,
    _session: Session,
    _: Nothing,
) -> Result<Response, Problem> {
    Ok(reply::see_other_with("/sign-in", session::end(), &headers))
}

/// A path of this site, whatever the link said.
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
            p .lead { "Warm agents, ready to be claimed." }
            @if let Some(wrong) = wrong {
                p #wrong .notice.bad role="alert" { (wrong) }
            }
            form method="post" action="/sign-in" .card {
                input type="hidden" name="next" value=(next);
                label for="key" { "Key" }
                input #key type="password" name="key" required autofocus
                    autocomplete="current-password" spellcheck="false"
                    aria-invalid=[wrong.map(|_| "true")] aria-describedby=(if wrong.is_some() { "wrong" } else { "hint" });
                p #hint .hint { "A key of POOL_API_KEY to run the pool, or of POOL_READ_KEY to look at it." }
                button type="submit" .primary { "Sign in" }
            }
        }
    };
    page::document("Sign in", &content)
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
