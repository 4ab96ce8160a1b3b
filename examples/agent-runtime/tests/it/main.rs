//! What the pool, a person and an operator see of an instance.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod binary;
mod chat;
mod instance;
mod pool;
