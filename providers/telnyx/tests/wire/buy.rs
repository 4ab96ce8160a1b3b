//! Buying a number.

use agent_pool_core::{Attempt, ErrorKind, InstanceId, ToolOptions};
use fake_cloud::{Options, Pace};

use crate::lab::{held, lab, lab_of, lab_with};

#[tokio::test]
async fn a_number_is_bought_marked_and_assigned_to_a_profile() {
    let lab = lab().await;
    let tool = lab.provision().await.unwrap();
    let (number, profile) = (held(&lab).numbers.remove(0), held(&lab).profiles.remove(0));
    let label = lab.cx.mark().label(&lab.instance);
    assert_eq!(tool.resource.as_str(), number.phone_number);
    assert_eq!(
        tool.env.get("TELNYX_PHONE_NUMBER").unwrap().expose(),
        number.phone_number
    );
    assert_eq!(
        tool.env
            .get("TELNYX_MESSAGING_PROFILE_ID")
            .unwrap()
            .expose(),
        profile.id
    );
    assert_eq!(number.messaging_profile_id, Some(profile.id));
    assert_eq!(number.customer_reference, Some(label));
    assert_eq!(
        (profile.name.as_str(), &*profile.whitelisted_destinations),
        ("ap-dev", &["US".to_owned()][..])
    );
    lab.assert_requests_documented();
}

#[tokio::test]
async fn the_calls_of_one_number_are_those_that_the_readme_names() {
    let mut lab = lab_of(|telnyx| {
        telnyx.order_pace = Pace::AT_ONCE;
        telnyx.messaging_pace = Pace::AT_ONCE;
    })
    .await;
    lab.provision().await.unwrap();
    lab.instance = InstanceId::generate();
    let before = lab.calls_in_all();
    let tool = lab.provision().await.unwrap();
    assert_eq!(lab.calls_in_all() - before, 8);
    let before = lab.calls_in_all();
    lab.destroy(&tool).await.unwrap();
    assert_eq!(lab.calls_in_all() - before, 2);
}

#[tokio::test]
async fn settings_of_orders_and_profiles_reach_the_vendor() {
    let settings = [
        ("TELNYX_REQUIREMENT_GROUP_ID", "group-1"),
        ("TELNYX_CONNECTION_ID", "connection-1"),
        ("TELNYX_BILLING_GROUP_ID", "billing-1"),
        ("TELNYX_WEBHOOK_URL", "https://hooks.example/telnyx"),
        ("TELNYX_DAILY_SPEND_LIMIT", "2.5"),
    ];
    let lab = lab_with(Options::default(), &settings).await;
    lab.provision().await.unwrap();
    let (order, profile) = (held(&lab).orders.remove(0), held(&lab).profiles.remove(0));
    assert_eq!(order.requirement_group_id.as_deref(), Some("group-1"));
    assert_eq!(order.connection_id.as_deref(), Some("connection-1"));
    assert_eq!(order.billing_group_id.as_deref(), Some("billing-1"));
    assert_eq!(
        profile.webhook_url.as_deref(),
        Some("https://hooks.example/telnyx")
    );
    assert_eq!(profile.daily_spend_limit.as_deref(), Some("2.5"));
    lab.assert_requests_documented();

    let lab = lab_with(Options::default(), &[("TELNYX_NUMBER_TYPE", "toll_free")]).await;
    let error = lab.provision().await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Conflict,
        "the stock has local numbers only"
    );
}

#[tokio::test]
async fn a_first_attempt_does_not_look_for_what_cannot_exist() {
    let mut lab = lab().await;
    lab.cx = lab.cx.with_attempt(Attempt::First);
    lab.provision().await.unwrap();
    assert_eq!(lab.calls("ListNumberOrders"), 0);
    assert_eq!(
        lab.calls("ListPhoneNumbers"),
        1,
        "after the order is through"
    );
    lab.lose_next_answer("CreateNumberOrder");
    lab.instance = InstanceId::generate();
    lab.provision().await.unwrap();
    assert_eq!(
        lab.calls("CreateNumberOrder"),
        2,
        "the lost answer was looked for"
    );
    lab.assert_requests_documented();
}

#[tokio::test]
async fn provisioned_again_it_is_the_same_number() {
    let lab = lab().await;
    let first = lab.provision().await.unwrap();
    let second = lab.provision().await.unwrap();
    assert_eq!(first, second);
    assert_eq!(lab.calls("CreateNumberOrder"), 1);
    lab.assert_requests_documented();
}

#[tokio::test]
async fn at_once_and_with_its_layers_it_is_the_same_number() {
    let lab = lab().await;
    let (tool, none) = (lab.layered(), ToolOptions::new());
    let (a, b) = tokio::join!(
        tool.provision(&lab.cx, &lab.instance, &none),
        tool.provision(&lab.cx, &lab.instance, &none)
    );
    assert_eq!(a.unwrap(), b.unwrap());
    assert_eq!(lab.calls("CreateNumberOrder"), 1);
    lab.assert_requests_documented();
}
