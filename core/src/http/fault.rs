//! The error of a refusal: from the status, which is the same for all vendors, and from the vendor's own error body.

use std::time::Duration;

use super::Reply;
use crate::{Effect, ErrorKind, ProviderError, Secret};

/// The contents of a vendor's error body. A member that is `None` follows from status and headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VendorFault {
    /// The kind of failure.
    pub kind: Option<ErrorKind>,
    /// The vendor's message.
    pub message: String,
    /// How long to wait before the next attempt.
    pub retry_after: Option<Duration>,
}

/// The kind of an HTTP status.
const fn kind_of(status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::Unauthorized,
        402 | 403 => ErrorKind::Forbidden,
        404 | 410 => ErrorKind::NotFound,
        409 | 423 => ErrorKind::Conflict,
        429 => ErrorKind::RateLimited,
        408 | 425 | 500..=599 => ErrorKind::Unavailable,
        400..=499 => ErrorKind::Invalid,
        _ => ErrorKind::Protocol,
    }
}

/// Whether the reply is an HTML page instead of an answer. A 403 of that kind is not about the key: the edge in front
/// of the vendor's API, such as Cloudflare, blocks clients that send too many requests.
fn is_page(reply: &Reply) -> bool {
    reply.text().trim_start().starts_with('<')
}

/// A 4xx is a refusal: nothing was done. After a 408, a 5xx or a redirect the effect is unknown. A refusal with a 2xx
/// status, as in GraphQL, has the effect of its kind.
const fn effect_of(status: u16) -> Option<Effect> {
    match status {
        200..=299 => None,
        408 => Some(Effect::Unknown),
        400..=499 => Some(Effect::NotDone),
        _ => Some(Effect::Unknown),
    }
}

/// The error of a refusal. A secret of `secrets` that the vendor's message repeats is left out.
pub(super) fn refusal<'a>(
    reply: &Reply,
    read: Option<VendorFault>,
    secrets: impl IntoIterator<Item = &'a Secret>,
) -> ProviderError {
    let status = reply.status();
    let fault = read.unwrap_or_default();
    let words = if fault.message.is_empty() {
        plain_text(&reply.text())
    } else {
        fault.message
    };
    let secrets = secrets.into_iter().map(Secret::expose);
    let words = secrets
        .filter(|secret| !secret.is_empty())
        .fold(words, |words, secret| words.replace(secret, "…"));
    let message = if words.is_empty() {
        format!("answered {status}")
    } else {
        format!("answered {status}: {words}")
    };
    let by_status = if status == 403 && is_page(reply) {
        ErrorKind::RateLimited
    } else {
        kind_of(status)
    };
    let error = ProviderError::new(fault.kind.unwrap_or(by_status), message);
    let error = match effect_of(status) {
        Some(effect) => error.with_effect(effect),
        None => error,
    };
    match fault.retry_after.or_else(|| reply.retry_after()) {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}

/// The title of a page, or its text without tags, on one line.
fn plain_text(body: &str) -> String {
    let title = body
        .split_once("<title>")
        .and_then(|(_, rest)| Some(rest.split_once("</title>")?.0));
    let mut depth = 0_usize;
    let text: String = title
        .unwrap_or(body)
        .chars()
        .filter_map(|c| match c {
            '<' => {
                depth += 1;
                Some(' ')
            }
            '>' if depth > 0 => {
                depth -= 1;
                None
            }
            c => (depth == 0).then_some(c),
        })
        .take(1_000)
        .collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, body: &str) -> ProviderError {
        refusal(&Reply::sample(status, &[], body), None, [])
    }

    #[test]
    fn each_status_has_its_kind_and_effect() {
        use Effect::{NotDone, Unknown};
        for (status, kind, effect) in [
            (400, ErrorKind::Invalid, NotDone),
            (401, ErrorKind::Unauthorized, NotDone),
            (402, ErrorKind::Forbidden, NotDone),
            (403, ErrorKind::Forbidden, NotDone),
            (404, ErrorKind::NotFound, NotDone),
            (408, ErrorKind::Unavailable, Unknown),
            (409, ErrorKind::Conflict, NotDone),
            (422, ErrorKind::Invalid, NotDone),
            (425, ErrorKind::Unavailable, NotDone),
            (429, ErrorKind::RateLimited, NotDone),
            (500, ErrorKind::Unavailable, Unknown),
            (503, ErrorKind::Unavailable, Unknown),
            (302, ErrorKind::Protocol, Unknown),
        ] {
            let error = error(status, "");
            assert_eq!((error.kind(), error.effect()), (kind, effect), "{status}");
        }
    }

    #[test]
    fn an_html_403_is_a_rate_limit_of_the_edge() {
        let page =
            "\n<!DOCTYPE html><title>Access denied | api.vendor.example used Cloudflare</title>";
        assert_eq!(error(403, page).kind(), ErrorKind::RateLimited);
        assert_eq!(error(403, "{}").kind(), ErrorKind::Forbidden);
        assert_eq!(error(401, page).kind(), ErrorKind::Unauthorized);
    }

    #[test]
    fn a_page_is_reduced_to_its_title_or_text() {
        let page = "<html><head><title>502 Bad\n Gateway</title></head><body>x</body></html>";
        assert!(
            error(502, page)
                .to_string()
                .ends_with("answered 502: 502 Bad Gateway")
        );
        let page = "<h1>Down</h1> for <b>now</b>";
        assert!(
            error(503, page)
                .to_string()
                .ends_with("answered 503: Down for now")
        );
    }

    #[test]
    fn a_key_that_the_vendor_repeats_is_left_out() {
        let reply = Reply::sample(401, &[], "bad key sk-123");
        let error = refusal(&reply, None, [&Secret::new("sk-123")]).to_string();
        assert!(error.ends_with("bad key …"), "{error}");
    }

    #[test]
    fn a_refusal_under_200_has_the_effect_of_its_kind() {
        let effect = |kind| {
            let fault = VendorFault {
                kind: Some(kind),
                ..VendorFault::default()
            };
            refusal(&Reply::sample(200, &[], "{}"), Some(fault), []).effect()
        };
        assert_eq!(effect(ErrorKind::RateLimited), Effect::NotDone);
        assert_eq!(effect(ErrorKind::Unavailable), Effect::Unknown);
    }

    #[test]
    fn the_error_body_wins_over_the_status() {
        let fault = VendorFault {
            kind: Some(ErrorKind::Conflict),
            message: "taken".to_owned(),
            retry_after: Some(Duration::from_secs(2)),
        };
        let reply = Reply::sample(403, &[("retry-after", "9")], "{}");
        let error = refusal(&reply, Some(fault), []);
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
    }
    proptest::proptest! {
        #[test]
        fn any_answer_of_a_vendor_is_an_error_that_is_safe_to_show(
            status in 100_u16..600,
            body in "(?s)(.{0,60}|<[a-z]{0,5}>.{0,30}|\\{\"error\": ?.{0,30}\\})",
        ) {
            let secret = Secret::new("sk-123456");
            let reply = Reply::sample(status, &[], &format!("{body} sk-123456 {body}"));
            let text = refusal(&reply, None, [&secret]).to_string();
            proptest::prop_assert!(!text.contains("sk-123456"), "{}", text);
            proptest::prop_assert!(!text.chars().any(crate::is_unsafe), "{:?}", text);
            let _ = reply.json::<serde_json::Value>();
        }
    }
}
