//! The conformance suite.

use agent_pool_core::conformance::{self, Held};
use fake_cloud::{CloudState, Options, Vendor};
use provider_openrouter as _;
use provider_test_kit::{CloudHarness, CloudVendor};

#[tokio::test]
async fn every_promise_is_kept() {
    let mut options = Options::default();
    options.openrouter.page_size = PAGE;
    conformance::tool(&CloudHarness::start(TRIAL, options).await)
        .await
        .assert();
}

const PAGE: usize = 5;

const TRIAL: CloudVendor = CloudVendor {
    vendor: Vendor::OpenRouter,
    settings: |_| Vec::new(),
    changes: &["createKeys"],
    page_size: PAGE,
    held,
    public_env: &[],
};

fn held(cloud: &CloudState) -> Vec<Held> {
    let keys = cloud.openrouter.keys.iter();
    keys.map(|key| Held {
        kind: "key",
        label: key.name.clone(),
    })
    .collect()
}
