//! The conformance suite.

use agent_pool_core::conformance::{self, Held};
use fake_cloud::{CloudState, Options, TelnyxOrderStatus, Vendor};
use provider_telnyx as _;
use provider_test_kit::{CloudHarness, CloudVendor};

#[tokio::test]
async fn every_promise_is_kept() {
    let mut options = Options::default();
    options.telnyx.stock = 2_000;
    options.telnyx.balance = 2_000.0;
    conformance::tool(&CloudHarness::start(TRIAL, options).await)
        .await
        .assert();
}

const TRIAL: CloudVendor = CloudVendor {
    vendor: Vendor::Telnyx,
    settings: |_| vec![("TELNYX_POLL_MS", "1".to_owned())],
    changes: &[
        "CreateMessagingProfile",
        "CreateNumberOrder",
        "UpdatePhoneNumberMessagingSettings",
    ],
    page_size: 250,
    held,
    public_env: &["TELNYX_PHONE_NUMBER", "TELNYX_MESSAGING_PROFILE_ID"],
};

/// Numbers, and those that are still on order. The profile is everybody's.
fn held(cloud: &CloudState) -> Vec<Held> {
    let numbers = cloud.telnyx.numbers.iter();
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
