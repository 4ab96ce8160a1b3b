//! Other buyers, and numbers that are gone.

use agent_pool_core::{ErrorKind, InstanceId, ToolOptions};
use fake_cloud::{Effect, Options, Pace};
use futures_util::future::join_all;

use crate::lab::{bought, held, lab, lab_of, lab_with};

#[tokio::test]
async fn a_number_that_another_buyer_took_is_followed_by_the_next() {
    // Three numbers in stock, and all but one go to another buyer between search and order.
    let lab = lab_of(|telnyx| (telnyx.stock, telnyx.order_pace) = (3, Pace::Reads(2))).await;
    let watch = async {
        let mut lost = 0;
        while lost < 2 {
            if let Some(order) = held(&lab).orders.get(lost) {
                lab.cloud
                    .take_number_as_another_buyer(&order.lines[0].phone_number);
                lost += 1;
            }
            tokio::task::yield_now().await;
        }
    };
    let (tool, ()) = tokio::join!(lab.provision(), watch);
    let tool = tool.unwrap();
    assert_eq!((bought(&lab), held(&lab).numbers.len()), (1, 1));
    assert_eq!(held(&lab).numbers[0].phone_number, tool.resource.as_str());
    assert_eq!(held(&lab).orders.len(), 3);
    lab.assert_requests_documented();
}

#[tokio::test]
async fn other_buyers_that_are_always_faster_win_after_five_numbers() {
    let lab = lab().await;
    for _ in 0..5 {
        lab.fail_next("CreateNumberOrder", refusal(422, "85001"));
    }
    let error = lab.provision().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_transient()),
        (ErrorKind::Conflict, false)
    );
    assert_eq!(lab.calls("CreateNumberOrder"), 5);
}

/// Each of them searches before any of them orders, and the vendor offers all of them the same 20.
#[tokio::test]
async fn twenty_numbers_bought_at_once_are_ordered_once_each() {
    let lab = lab().await;
    let none = ToolOptions::new();
    let instances: Vec<_> = (0..20).map(|_| InstanceId::generate()).collect();
    let provision = |instance| lab.tool.provision(&lab.cx, instance, &none);
    for tool in join_all(instances.iter().map(provision)).await {
        tool.unwrap();
    }
    let searches = lab.calls("ListAvailablePhoneNumbers");
    assert_eq!((searches, lab.calls("CreateNumberOrder")), (20, 20));
}

#[tokio::test]
async fn buyers_who_search_at_once_choose_different_numbers() {
    let mut lab = lab_of(|telnyx| telnyx.order_pace = Pace::AT_ONCE).await;
    let stock = held(&lab).numbers.len();
    for _ in 0..12 {
        lab.instance = InstanceId::generate();
        lab.provision().await.unwrap();
    }
    let numbers: Vec<_> = held(&lab)
        .numbers
        .into_iter()
        .skip(stock)
        .map(|one| one.phone_number)
        .collect();
    assert!(
        !numbers.is_sorted(),
        "the first offer each time: {numbers:?}"
    );
}

#[tokio::test]
async fn a_number_that_is_gone_when_it_is_ordered_is_followed_by_the_next() {
    for code in ["85000", "85001", "85006"] {
        let lab = lab().await;
        lab.fail_next("CreateNumberOrder", refusal(422, code));
        lab.provision().await.unwrap();
        assert_eq!(
            (lab.calls("ListAvailablePhoneNumbers"), bought(&lab)),
            (2, 1),
            "{code}"
        );
        lab.assert_requests_documented();
    }
}

#[tokio::test]
async fn without_a_number_that_suits_nothing_is_bought() {
    let cases: [(&str, &[(&str, &str)]); 3] = [
        ("stock", &[]),
        ("price", &[("TELNYX_MAX_UPFRONT_COST", "0.5")]),
        ("monthly price", &[("TELNYX_MAX_MONTHLY_COST", "0.5")]),
    ];
    for (name, settings) in cases {
        let mut options = Options::default();
        options.telnyx.stock = if name == "stock" { 0 } else { 20 };
        let lab = lab_with(options, settings).await;
        let error = lab.provision().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.is_transient()),
            (ErrorKind::Conflict, false),
            "{name}"
        );
        assert_eq!(lab.calls("CreateNumberOrder"), 0, "{name}");
    }
}

fn refusal(status: u16, code: &str) -> Effect {
    Effect::Status {
        status,
        body: fake_cloud::Body::Vendor,
        code: Some(code.to_owned()),
        message: None,
        fields: Vec::new(),
        retry_after: None,
    }
}
