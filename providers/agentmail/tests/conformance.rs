//! The conformance suite.

use agent_pool_core::conformance::{self, Held};
use fake_cloud::{CloudState, Options, Vendor};
use provider_agentmail as _;
use provider_test_kit::{CloudHarness, CloudVendor};

#[tokio::test]
async fn every_promise_is_kept() {
    let mut options = Options::default();
    options.agentmail.page_size = PAGE;
    conformance::tool(&CloudHarness::start(TRIAL, options).await)
        .await
        .assert();
}

const PAGE: usize = 5;

const TRIAL: CloudVendor = CloudVendor {
    vendor: Vendor::AgentMail,
    settings: |_| Vec::new(),
    changes: &["inboxes_create", "inboxes_apiKeys_create"],
    page_size: PAGE,
    held,
    public_env: &["AGENTMAIL_INBOX_ID"],
};

/// Keys bear the label of their inbox.
fn held(cloud: &CloudState) -> Vec<Held> {
    let state = &cloud.agentmail;
    let label = |inbox: &str| {
        let inbox = state.inboxes.iter().find(|one| one.inbox_id == inbox);
        inbox
            .and_then(|inbox| inbox.client_id.clone())
            .unwrap_or_default()
    };
    let inboxes = state
        .inboxes
        .iter()
        .map(|one| ("inbox", label(&one.inbox_id)));
    let keys = state
        .api_keys
        .iter()
        .map(|one| ("key", label(&one.inbox_id)));
    let all = inboxes.chain(keys);
    all.map(|(kind, label)| Held { kind, label }).collect()
}
