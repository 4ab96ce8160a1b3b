//! The dashboard in a real Chromium, on a real pool-svc.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the exception for tests does not reach the functions that they call"
)]

#[expect(dead_code, reason = "the tests over HTTP use all of it")]
#[path = "../it/fake.rs"]
mod fake;
#[expect(dead_code, reason = "the tests over HTTP use all of it")]
#[path = "../it/world.rs"]
mod world;

mod actions;
mod axe;
mod browser;
mod chat;
mod chrome;
mod claims;
mod fleet;
mod keyboard;
mod life;
mod looks;
mod plain;
mod proxy;
mod sign_in;
