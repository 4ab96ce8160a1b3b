//! The edge in front of the API: it counts requests without a query string, and blocks a client that sends too many with a
//! page of HTML under 403 [O].

use std::time::Duration;

use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::http::{Answer, Request};

/// The limits of the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RailwayEdge {
    /// Maximum number of requests without a query string per second: about 10 at the vendor [O].
    pub requests_per_second: u32,
    /// How long a block lasts, in milliseconds: minutes to a day at the vendor [O].
    pub block_ms: u64,
}

/// Counts requests by second.
#[derive(Debug, Default)]
pub(crate) struct EdgeMeter {
    window: Option<Instant>,
    used: u32,
    blocked_until: Option<Instant>,
}

impl EdgeMeter {
    /// The page that is the answer to a blocked request.
    pub(crate) fn block(
        &mut self,
        limit: Option<RailwayEdge>,
        request: &Request,
    ) -> Option<Answer> {
        let limit = limit?;
        if !request.query.is_empty() {
            return None;
        }
        let now = Instant::now();
        if self
            .window
            .is_none_or(|since| now - since >= Duration::from_secs(1))
        {
            self.window = Some(now);
            self.used = 0;
        }
        self.used += 1;
        if self.used > limit.requests_per_second {
            self.blocked_until = Some(now + Duration::from_millis(limit.block_ms));
        }
        let page =
            "<!doctype html><html><body>error 1015: you are being rate limited</body></html>";
        (self.blocked_until? > now)
            .then(|| Answer::text(StatusCode::FORBIDDEN, "text/html; charset=utf-8", page))
    }
}
