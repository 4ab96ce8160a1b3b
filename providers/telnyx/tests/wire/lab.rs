//! A provider with a fake Telnyx of its own.

use fake_cloud::{Options, TelnyxOrderStatus, TelnyxState, Vendor};
use provider_test_kit::Lab;

/// Polls at short intervals, and long enough for a busy machine.
const PACE: [(&str, &str); 2] = [("TELNYX_POLL_MS", "2"), ("TELNYX_FULFILMENT_MS", "3000")];
/// The campaign that the fake has.
pub(crate) const CAMPAIGN: (&str, &str) = ("TELNYX_CAMPAIGN_ID", "campaign-1");
/// For an order that is never fulfilled.
pub(crate) const SHORT: (&str, &str) = ("TELNYX_FULFILMENT_MS", "300");

pub(crate) async fn lab_with(options: Options, settings: &[(&str, &str)]) -> Lab {
    let settings = [&PACE, settings].concat();
    Lab::start(Vendor::Telnyx, options, &settings).await
}

pub(crate) async fn lab() -> Lab {
    lab_with(Options::default(), &[]).await
}

pub(crate) async fn lab_of(change: impl FnOnce(&mut fake_cloud::TelnyxOptions)) -> Lab {
    let mut options = Options::default();
    change(&mut options.telnyx);
    lab_with(options, &[]).await
}

pub(crate) fn held(lab: &Lab) -> TelnyxState {
    lab.cloud.state().telnyx
}

/// Orders that were not lost to another buyer.
pub(crate) fn bought(lab: &Lab) -> usize {
    let orders = held(lab).orders.into_iter();
    orders
        .filter(|order| order.status != TelnyxOrderStatus::Failure)
        .count()
}
