//! The conformance suite.

use agent_pool_core::ProvisionedTool;
use agent_pool_core::conformance::{self, Held};
use fake_cloud::{CloudState, Options, Vendor};
use provider_openrouter as _;
use provider_test_kit::{CloudHarness, CloudVendor};

#[tokio::test]
async fn every_promise_is_kept() {
    let mut options = Options::default();
    options.openrouter.page_size = PAGE;
    conformance::tool(&CloudHarness::start(CASE, options).await)
        .await
        .assert_ran(&[]);
}

const PAGE: usize = 5;

const CASE: CloudVendor = CloudVendor {
    vendor: Vendor::OpenRouter,
    settings: |_| Vec::new(),
    changes: &["createKeys"],
    page_size: PAGE,
    held,
    usable,
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

fn usable(cloud: &CloudState, tool: &ProvisionedTool) -> Option<Result<(), String>> {
    let text = tool.env.get("OPENROUTER_API_KEY")?.expose();
    let mut keys = cloud.openrouter.keys.iter();
    let known = keys.any(|key| key.secret == text && !key.disabled);
    Some(
        known
            .then_some(())
            .ok_or_else(|| "the key is not accepted".to_owned()),
    )
}
