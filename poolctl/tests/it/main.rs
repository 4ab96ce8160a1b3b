//! The built program, as people and scripts use it: against its own real services, with a real Postgres,
//! and fakes of the vendors.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod claim;
mod costs;
mod doctor;
mod errors;
mod fleet;
mod look;
mod mcp;
mod pooler;
mod pools;
mod process;
mod rollout;
mod stack;
mod sweep;
mod terminal;
mod tools;
mod traces;
mod up;
mod webhooks;
