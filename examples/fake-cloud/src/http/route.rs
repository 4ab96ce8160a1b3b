//! A vendor's table of routes, and the lookup in it.

use hyper::Method;
use serde_json::Value;

use super::{Answer, Request};

/// Whether an operation has a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payload {
    None,
    Json,
}

/// A route of a vendor.
pub(crate) struct Route<S: 'static> {
    pub(crate) method: Method,
    /// Segments after the vendor's base path; `{…}` matches any segment.
    pub(crate) path: &'static str,
    /// The vendor's ID of the operation (`operationId`).
    pub(crate) operation: &'static str,
    /// Its query parameters. A trailing `*` matches any suffix.
    pub(crate) query: &'static [&'static str],
    pub(crate) payload: Payload,
    pub(crate) handle: fn(&mut S, &Call) -> Result<Answer, Answer>,
}

/// A route of a vendor, as a table entry.
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

/// The arguments of a handler: path parameters, query, body and caller.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) params: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Value,
    pub(crate) key: String,
}

impl Call {
    /// The value of a query parameter.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        let pair = self.query.iter().find(|(key, _)| key == name);
        pair.map(|(_, value)| value.as_str())
    }

    /// The n-th `{…}` of the path. The route guarantees that it exists.
    pub(crate) fn segment(&self, index: usize) -> &str {
        self.params.get(index).map_or("", String::as_str)
    }
}

/// The route of a request.
pub(crate) struct Found<S: 'static> {
    pub(crate) route: &'static Route<S>,
    pub(crate) params: Vec<String>,
}

/// The result of a lookup.
pub(crate) enum Lookup<S: 'static> {
    Found(Found<S>),
    WrongMethod,
    UnknownPath,
}

/// Finds the route of a request.
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
    /// The first query parameter that the operation does not have.
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
