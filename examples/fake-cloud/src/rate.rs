//! A vendor's rate limit over a fixed window.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// A number of requests per window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// Requests in one window.
    pub requests: u32,
    /// The window's length in milliseconds.
    pub window_ms: u64,
}

/// The state of the rate limit after one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    pub(crate) exceeded: bool,
    /// The time until the window ends, rounded up.
    pub(crate) reset_seconds: u64,
}

/// Counts the requests of one vendor.
#[derive(Debug)]
pub(crate) struct Meter {
    limit: Option<RateLimit>,
    since: Instant,
    used: u32,
}

impl Meter {
    pub(crate) fn new(limit: Option<RateLimit>) -> Self {
        Self {
            limit,
            since: Instant::now(),
            used: 0,
        }
    }

    /// Replaces the limit and starts a new window.
    pub(crate) fn set(&mut self, limit: Option<RateLimit>) {
        *self = Self::new(limit);
    }

    /// Counts one request; `None` without a limit.
    pub(crate) fn spend(&mut self) -> Option<Budget> {
        let limit = self.limit?;
        let window = Duration::from_millis(limit.window_ms);
        if self.since.elapsed() >= window {
            self.since = Instant::now();
            self.used = 0;
        }
        let exceeded = self.used >= limit.requests;
        self.used = self.used.saturating_add(1);
        let left = window.saturating_sub(self.since.elapsed());
        Some(Budget {
            limit: limit.requests,
            remaining: limit.requests.saturating_sub(self.used),
            exceeded,
            reset_seconds: left
                .as_millis()
                .div_ceil(1000)
                .try_into()
                .unwrap_or(u64::MAX),
        })
    }
}
