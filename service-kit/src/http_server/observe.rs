//! Records each request, without headers and bodies.

use std::net::IpAddr;

use metrics::{counter, histogram};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Span, debug, info_span};
use warp::http::{HeaderMap, Method};

use crate::trace::continue_trace;

/// A request in progress.
pub(super) struct Observation {
    route: &'static str,
    method: &'static str,
    started: Instant,
    span: Span,
}

impl Observation {
    pub(super) fn start(
        method: &Method,
        route: &'static str,
        source: IpAddr,
        headers: &HeaderMap,
    ) -> Self {
        let method = method_label(method);
        let span = info_span!(
            "http.request",
            method,
            route,
            %source,
            principal = Empty,
            status = Empty,
            elapsed_ms = Empty
        );
        continue_trace(&span, headers);
        Self {
            route,
            method,
            started: Instant::now(),
            span,
        }
    }

    pub(super) const fn span(&self) -> &Span {
        &self.span
    }

    pub(super) fn finish(self, status: u16) {
        let elapsed = self.started.elapsed();
        let Self {
            route,
            method,
            span,
            ..
        } = self;
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        span.record("status", status);
        span.record("elapsed_ms", elapsed_ms);
        span.in_scope(|| debug!(status, elapsed_ms, "{method} {route} answered {status}"));
        let labels = [("route", route), ("method", method)];
        histogram!("agent_pool_http_request_seconds", &labels).record(elapsed.as_secs_f64());
        counter!(
            "agent_pool_http_requests_total",
            "route" => route, "method" => method, "status" => status.to_string()
        )
        .increment(1);
    }
}

/// A client may send any method, but labels must come from a closed set.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
