//! The conformance suite.

mod fake;

use agent_pool_core::conformance::{self, FakeServer};
use provider_exa as _;

use fake::{Fake, Form};

#[tokio::test]
async fn every_promise_is_kept() {
    let exa = FakeServer::start("exa", Fake::default()).await;
    conformance::tool(&exa).await.assert();
}

#[tokio::test]
async fn every_promise_is_kept_for_keys_with_a_public_id() {
    let exa = FakeServer::start("exa", Fake::default()).await;
    exa.vendor().form = Form::PublicId;
    conformance::tool(&exa).await.assert();
}
