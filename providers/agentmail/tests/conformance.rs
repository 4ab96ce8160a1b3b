//! The conformance suite.

use agent_pool_core::ProvisionedTool;
use agent_pool_core::conformance::{self, Held};
use fake_cloud::{CloudState, Options, Vendor};
use provider_agentmail as _;
use provider_test_kit::{CloudHarness, CloudVendor};

#[tokio::test]
async fn every_promise_is_kept() {
    let mut options = Options::default();
    options.agentmail.page_size = PAGE;
    conformance::tool(&CloudHarness::start(CASE, options).await)
        .await
        .assert_ran(&[]);
}

const PAGE: usize = 5;

const CASE: CloudVendor = CloudVendor {
    vendor: Vendor::AgentMail,
    settings: |_| Vec::new(),
    changes: &["inboxes_create", "inboxes_apiKeys_create"],
    page_size: PAGE,
    held,
    usable,
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

/// Whether the key is accepted for the inbox and may not delete it.
fn usable(cloud: &CloudState, tool: &ProvisionedTool) -> Option<Result<(), String>> {
    let text = tool.env.get("AGENTMAIL_API_KEY")?.expose();
    let key = cloud
        .agentmail
        .api_keys
        .iter()
        .find(|one| one.api_key == text);
    Some(match key {
        None => Err("the key is not accepted".to_owned()),
        Some(key) if key.inbox_id != tool.resource.as_str() => {
            Err("another inbox's key".to_owned())
        }
        Some(key) => match &key.permissions {
            Some(all) if all.contains_key("message_send") && !all.contains_key("inbox_delete") => {
                Ok(())
            }
            Some(_) | None => Err("the key may do too much or too little".to_owned()),
        },
    })
}
