//! Tests of private clusters, and of what remains when their process dies.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod killed;
mod life;
mod refusals;
mod support;
mod tls;
