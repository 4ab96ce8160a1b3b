//! The conformance suite.

mod fake;

use agent_pool_core::conformance::{self, FakeServer};
use provider_acme as _;

/// Cases that do not run here, and why.
const CANNOT: &[(&str, &str)] = &[
    ("three_pages", "the fake answers in one page"),
    ("options_apply", "it takes no options"),
];

#[tokio::test]
async fn every_promise_is_kept() {
    let engine = FakeServer::start("acme", fake::Acme::default()).await;
    conformance::infra(&engine).await.assert_ran(CANNOT);
}
