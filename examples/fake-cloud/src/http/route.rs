//! A vendor's table of routes, and finding one in it.

use hyper::Method;
use serde_json::Value;

use super::{Answer, Request};

/// Whether an operation takes a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payload {
    None,
    Json,
}

/// One row of a vendor's table.
pub(crate) struct Route<S: 'static> {
    pub(crate) method: Method,
    /// Segments after the vendor's base; `{…}` stands for any one segment.
    pub(crate) path: &'static str,
    /// The vendor's own id of the operation (`operationId`).
    pub(crate) operation: &'static str,
    /// Every query parameter that it takes; a trailing `*` takes all that begin so.
    pub(crate) query: &'static [&'static str],
    pub(crate) payload: Payload,
    pub(crate) handle: fn(&mut S, &Call) -> Result<Answer, Answer>,
}

/// One line of a vendor's table.
pub(crate) const fn row<S>(
    method: Method,
    path: &'static str,
    operation: &'static str,
    query: &'static [&'static str],
    payload: Payload,
    handle: fn(&mut S, &Call) -> Result<Answer, Answer>,
) -> Route<S> {
    Route {
        method,
        path,
        operation,
        query,
        payload,
        handle,
    }
}

/// What a handler is given: the parts of the path, the query, the body, who asks.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) params: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Value,
    pub(crate) key: String,
}

impl Call {
    /// A query parameter's value.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        let pair = self.query.iter().find(|(key, _)| key == name);
        pair.map(|(_, value)| value.as_str())
    }

    /// The n-th `{…}` of the path; the table guarantees that it is there.
    pub(crate) fn segment(&self, index: usize) -> &str {
        self.params.get(index).map_or("", String::as_str)
    }
}

/// A row found for a request.
pub(crate) struct Found<S: 'static> {
    pub(crate) route: &'static Route<S>,
    pub(crate) params: Vec<String>,
}

/// What the table says to a request.
pub(crate) enum Lookup<S: 'static> {
    Found(Found<S>),
    WrongMethod,
    UnknownPath,
}

/// Looks a request up.
pub(crate) fn locate<S>(routes: &'static [Route<S>], prefix: &str, request: &Request) -> Lookup<S> {
    let Some(segments) = request.segments_after(prefix) else {
        return Lookup::UnknownPath;
    };
    let mut answer = Lookup::UnknownPath;
    for route in routes {
        let Some(params) = matches(route.path, &segments) else {
            continue;
        };
        if route.method == request.method {
            return Lookup::Found(Found { route, params });
        }
        answer = Lookup::WrongMethod;
    }
    answer
}

fn matches(template: &str, segments: &[String]) -> Option<Vec<String>> {
    let parts: Vec<&str> = template.trim_start_matches('/').split('/').collect();
    if parts.len() != segments.len() {
        return None;
    }
    let mut params = Vec::new();
    for (part, segment) in parts.iter().zip(segments) {
        if part.starts_with('{') && !segment.is_empty() {
            params.push(segment.clone());
        } else if part != segment {
            return None;
        }
    }
    Some(params)
}

impl<S> Found<S> {
    /// The first query parameter that the operation does not take.
    pub(crate) fn stray_parameter<'r>(&self, request: &'r Request) -> Option<&'r str> {
        let takes = |name: &str| {
            self.route.query.iter().any(|known| {
                known
                    .strip_suffix('*')
                    .map_or(*known == name, |start| name.starts_with(start))
            })
        };
        let mut names = request.query.iter().map(|(name, _)| name.as_str());
        names.find(|name| !takes(name))
    }
}
