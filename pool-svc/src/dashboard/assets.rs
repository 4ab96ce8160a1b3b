//! The static files of the pages, embedded in the binary and served under a URL that changes with their content.

use std::sync::LazyLock;

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use sha2::{Digest, Sha256};
use warp::http::header::{ETAG, IF_NONE_MATCH};
use warp::http::{HeaderMap, HeaderValue, StatusCode};
use warp::reply::{Reply, Response};

use super::reply;

pub(super) struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

pub(super) const STYLE: Asset = Asset {
    name: "dashboard.css",
    kind: "text/css; charset=utf-8",
    text: include_str!("assets/dashboard.css"),
};
pub(super) const LIVE: Asset = Asset {
    name: "live.js",
    kind: "text/javascript; charset=utf-8",
    text: include_str!("assets/live.js"),
};
pub(super) const CLAIM: Asset = Asset {
    name: "claim.js",
    kind: "text/javascript; charset=utf-8",
    text: include_str!("assets/claim.js"),
};
pub(super) const ICON: Asset = Asset {
    name: "icon.svg",
    kind: "image/svg+xml",
    text: include_str!("assets/icon.svg"),
};
const ALL: [Asset; 4] = [STYLE, LIVE, CLAIM, ICON];

/// One hash over all files, because they depend on each other.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for Asset { name, text, .. } in ALL {
        hash.update(name);
        hash.update(text);
    }
    let bytes = hash.finalize();
    bytes
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
});

impl Asset {
    /// The URL to put on a page.
    pub(super) fn url(&self) -> String {
        format!("/assets/{}/{}", *VERSION, self.name)
    }
}

/// `GET /assets/:version/:name`. During a rolling update a page may ask for another version: it gets
/// this one, uncached.
pub(super) async fn serve(
    version: String,
    name: String,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = ALL.into_iter().find(|asset| asset.name == name);
    let asset =
        found.ok_or_else(|| Problem::new(ProblemCode::UnknownRoute, "there is no such file"))?;
    let cache = if version == *VERSION {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let etag = format!("\"{}\"", *VERSION);
    let known = headers.get(IF_NONE_MATCH);
    let mut response = if known.is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        reply::file(asset.kind, cache, asset.text)
    };
    if let Ok(etag) = HeaderValue::try_from(etag) {
        response.headers_mut().insert(ETAG, etag);
    }
    Ok(response)
}
