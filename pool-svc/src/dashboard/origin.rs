//! Whether a form comes from a page of this site.

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use url::{Origin, Url};
use warp::http::HeaderMap;
use warp::http::header::{HOST, ORIGIN, REFERER};

/// Refuses a form from another site. Every browser sends one of the headers that show it.
pub(super) fn require_same_origin(
    headers: &HeaderMap,
    public_url: Option<&Url>,
) -> Result<(), Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let own = match text("sec-fetch-site") {
        Some(site) => matches!(site, "same-origin" | "none"),
        None => text(ORIGIN.as_str())
            .or(text(REFERER.as_str()))
            .and_then(|from| from.parse().ok())
            .is_some_and(|from: Url| is_own(&from, text(HOST.as_str()), public_url)),
    };
    if own { Ok(()) } else { Err(foreign_form()) }
}

/// Compares with `PUBLIC_URL`, or else with the host of the request: behind a proxy the scheme is unknown.
fn is_own(from: &Url, host: Option<&str>, public_url: Option<&Url>) -> bool {
    if let Some(public) = public_url {
        return from.origin() == public.origin();
    }
    let Origin::Tuple(scheme, ..) = from.origin() else {
        return false;
    };
    let own = host.and_then(|host| Url::parse(&format!("{scheme}://{host}")).ok());
    own.is_some_and(|own| own.origin() == from.origin())
}

/// The problem of a form from another site or session.
pub(super) fn foreign_form() -> Problem {
    let detail = "this form belongs to another session or another site, so nothing was changed. \
                  Go back to the dashboard, reload the page and submit the form again";
    Problem::new(ProblemCode::ForeignForm, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_site_may_send_a_form() {
        let public = Some("https://pool.example");
        #[rustfmt::skip]
        let table = [
            // Sec-Fetch-Site, Origin, Referer, PUBLIC_URL, accepted
            (Some("same-origin"), None, None, None, true),
            (Some("none"), None, None, None, true),
            (Some("cross-site"), Some("http://pool:3001"), None, None, false),
            (Some("same-site"), None, None, None, false),
            (None, None, None, None, false),
            (None, Some("http://pool:3001"), None, None, true),
            (None, Some("https://pool:3001"), None, None, true),
            (None, Some("http://pool"), None, None, false),
            (None, Some("http://evil.example"), Some("http://pool:3001/"), None, false),
            (None, Some("null"), None, None, false),
            (None, None, Some("http://pool:3001/sign-in?next=/"), None, true),
            (None, None, Some("http://evil.example/pool:3001"), None, false),
            (None, Some("https://pool.example"), None, public, true),
            (None, Some("http://pool:3001"), None, public, false),
        ];
        for (index, (site, origin, referer, public, accepted)) in table.into_iter().enumerate() {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, "pool:3001".parse().unwrap());
            for (name, value) in [
                ("sec-fetch-site", site),
                ("origin", origin),
                ("referer", referer),
            ] {
                if let Some(value) = value {
                    headers.insert(name, value.parse().unwrap());
                }
            }
            let public = public.map(|url: &str| url.parse().unwrap());
            let result = require_same_origin(&headers, public.as_ref());
            assert_eq!(result.is_ok(), accepted, "row {index}");
        }
    }
}
