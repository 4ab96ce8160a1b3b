//! pool-svc over real Postgres and real HTTP.
#![expect(
    clippy::unwrap_used,
    reason = "the exception for tests does not reach the functions that they call"
)]

mod bad_input;
mod claims;
mod fake;
mod process;
mod records;
mod ticks;
mod views;
mod warm_up;
mod world;
