//! The conformance suite.

use agent_pool_core::ProvisionedTool;
use agent_pool_core::conformance::{self, Held};
use fake_cloud::{CloudState, Options, TelnyxNumber, TelnyxOrderStatus, Vendor};
use provider_telnyx as _;
use provider_test_kit::{CloudHarness, CloudVendor};

#[tokio::test]
async fn every_promise_is_kept() {
    let mut options = Options::default();
    options.telnyx.stock = 2_000;
    options.telnyx.balance = 2_000.0;
    conformance::tool(&CloudHarness::start(CASE, options).await)
        .await
        .assert_ran(&[]);
}

#[tokio::test]
async fn every_promise_is_kept_with_kept_numbers_and_a_campaign() {
    let mut options = Options::default();
    options.telnyx.stock = 2_000;
    options.telnyx.balance = 2_000.0;
    let case = CloudVendor {
        settings: |_| {
            let settings = [
                ("TELNYX_POLL_MS", "1"),
                ("TELNYX_CAMPAIGN_ID", "campaign-1"),
                ("TELNYX_CAMPAIGN_MAX_NUMBERS", "2000"),
                ("TELNYX_KEEP_NUMBERS", "3"),
                ("TELNYX_QUARANTINE_MS", "0"),
            ];
            settings
                .map(|(name, value)| (name, value.to_owned()))
                .into()
        },
        // Paging is the same with these settings; three of its pages take long to buy.
        page_size: 3,
        ..CASE
    };
    conformance::tool(&CloudHarness::start(case, options).await)
        .await
        .assert();
}

const CASE: CloudVendor = CloudVendor {
    vendor: Vendor::Telnyx,
    settings: |_| vec![("TELNYX_POLL_MS", "1".to_owned())],
    changes: &[
        "CreateMessagingProfile",
        "CreateNumberOrder",
        "UpdatePhoneNumberMessagingSettings",
    ],
    page_size: 250,
    held,
    usable,
    public_env: &["TELNYX_PHONE_NUMBER", "TELNYX_MESSAGING_PROFILE_ID"],
};

/// Numbers, and numbers on order. The profile is shared by all instances.
fn held(cloud: &CloudState) -> Vec<Held> {
    // A kept number belongs to no instance.
    let kept = |one: &&TelnyxNumber| one.tags.iter().any(|tag| tag.ends_with("-free"));
    let numbers = cloud.telnyx.numbers.iter().filter(|one| !kept(one));
    let numbers = numbers.map(|one| &one.customer_reference);
    let orders = cloud.telnyx.orders.iter();
    let orders = orders.filter(|one| one.status == TelnyxOrderStatus::Pending);
    let labels = numbers.chain(orders.map(|one| &one.customer_reference));
    labels
        .map(|label| Held {
            kind: "number",
            label: label.clone().unwrap_or_default(),
        })
        .collect()
}

/// A number of the account with the messaging profile that the instance received.
fn usable(cloud: &CloudState, tool: &ProvisionedTool) -> Option<Result<(), String>> {
    let profile = tool.env.get("TELNYX_MESSAGING_PROFILE_ID")?.expose();
    let mut numbers = cloud.telnyx.numbers.iter();
    let ready = numbers.any(|one| {
        one.phone_number == tool.resource.as_str()
            && one.messaging_profile_id.as_deref() == Some(profile)
    });
    Some(
        ready
            .then_some(())
            .ok_or_else(|| "the number cannot send texts".to_owned()),
    )
}
