//! The conformance suite.

mod fake;

use agent_pool_core::conformance::{self, FakeServer};
use provider_acme as _;

#[tokio::test]
async fn every_promise_is_kept() {
    let vendor = FakeServer::start("acme", fake::Acme::default()).await;
    conformance::tool(&vendor).await.assert_ran(&[]);
}
