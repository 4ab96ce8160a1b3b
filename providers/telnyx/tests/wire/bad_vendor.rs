//! Failures and malformed answers of Telnyx.

use agent_pool_core::ErrorKind;
use fake_cloud::{Effect, TelnyxOrderStatus};
use provider_test_kit::{AnyVendor, any_answer_to_a_tool_is_read_or_refused, on_bad_days};

use crate::lab::{bought, held, lab};

#[tokio::test]
async fn a_bad_day_at_any_step_has_its_error_and_never_buys_twice() {
    let steps = &[
        "ListMessagingProfiles",
        "CreateMessagingProfile",
        "ListPhoneNumbers",
        "ListNumberOrders",
        "ListAvailablePhoneNumbers",
        "CreateNumberOrder",
        "RetrieveNumberOrder",
        "UpdatePhoneNumberMessagingSettings",
        "GetPhoneNumberMessagingSettings",
    ];
    on_bad_days(lab, steps, "DeletePhoneNumber", |cloud| {
        let orders = cloud.telnyx.orders.iter();
        let pending = orders.filter(|order| order.status == TelnyxOrderStatus::Pending);
        cloud.telnyx.numbers.len() + pending.count()
    })
    .await;
}

#[tokio::test]
async fn a_lost_answer_at_any_step_never_buys_twice() {
    for step in [
        "CreateMessagingProfile",
        "CreateNumberOrder",
        "UpdatePhoneNumberMessagingSettings",
    ] {
        let lab = lab().await;
        lab.lose_next_answer(step);
        let tool = lab.provision_layered().await.unwrap();
        assert_eq!((bought(&lab), held(&lab).profiles.len()), (1, 1), "{step}");
        lab.lose_next_answer("DeletePhoneNumber");
        lab.layered()
            .destroy(&lab.cx, &lab.instance, &tool.resource)
            .await
            .unwrap();
        assert!(held(&lab).numbers.is_empty(), "{step}");
        lab.assert_requests_documented();
    }
}

#[tokio::test]
async fn an_answer_without_its_field_is_named() {
    let lab = lab().await;
    lab.fail_next(
        "CreateNumberOrder",
        Effect::MissingField("status".to_owned()),
    );
    lab.provision().await.unwrap();
    assert_eq!(
        lab.calls("CreateNumberOrder"),
        1,
        "what came of it was looked up"
    );
    lab.fail_next("ListPhoneNumbers", Effect::MissingField("id".to_owned()));
    let error = lab.tool.list(&lab.cx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().contains("missing field `id`"), "{error}");
}

#[tokio::test]
async fn any_answer_of_the_vendor_is_read_or_refused() {
    let vendor = AnyVendor {
        id: "telnyx",
        url: "TELNYX_API_URL",
        settings: &[("TELNYX_API_KEY", "tx-key-of-the-tests")],
        members: &[
            "data",
            "id",
            "phone_number",
            "status",
            "customer_reference",
            "cost_information",
            "monthly_cost",
            "upfront_cost",
            "features",
            "requirements_met",
            "name",
            "meta",
            "total_pages",
            "phone_numbers",
            "sub_number_orders_ids",
            "created_at",
        ],
    };
    any_answer_to_a_tool_is_read_or_refused(vendor).await;
}
