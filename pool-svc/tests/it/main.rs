//! pool-svc over real Postgres and real HTTP.
#![expect(
    clippy::unwrap_used,
    reason = "the exception for tests does not reach the functions that they call"
)]

mod adopt;
mod at_rest;
mod bad_input;
mod claims;
mod claims_keys;
mod claims_killed;
mod claims_pending;
mod claims_refused;
mod claims_wait;
mod costs;
mod dashboard;
mod explain;
mod fake;
mod guards;
mod model;
mod openapi;
mod pools;
mod process;
mod records;
mod rollouts;
mod runtime_keys;
mod sizing;
mod ticks;
mod tools_by_phase;
mod upgrades;
mod views;
mod warm_up;
mod webhooks;
mod world;
