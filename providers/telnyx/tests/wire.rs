//! Tests of the requests to Telnyx, and of the handling of its answers and failures.

use std::collections::BTreeSet;
use std::time::Duration;

use agent_pool_core::{Attempt, ErrorKind, InstanceId, ProvisionedTool, ToolOptions};
use fake_cloud::{Effect, Options, Pace, TelnyxOrderStatus, TelnyxState, Vendor};
use futures_util::future::join_all;
use provider_telnyx as _;
use provider_test_kit::{
    AnyVendor, Lab, any_answer_to_a_tool_is_read_or_refused, on_bad_days,
    readme_lists_the_settings, registration,
};
use serde_json::json;

/// Polls at short intervals, and long enough for a busy machine.
const PACE: [(&str, &str); 2] = [("TELNYX_POLL_MS", "2"), ("TELNYX_FULFILMENT_MS", "3000")];
/// For an order that is never fulfilled.
const SHORT: (&str, &str) = ("TELNYX_FULFILMENT_MS", "300");

async fn lab_with(options: Options, settings: &[(&str, &str)]) -> Lab {
    let settings = [&PACE, settings].concat();
    Lab::start(Vendor::Telnyx, options, &settings).await
}

async fn lab() -> Lab {
    lab_with(Options::default(), &[]).await
}

async fn lab_of(change: impl FnOnce(&mut fake_cloud::TelnyxOptions)) -> Lab {
    let mut options = Options::default();
    change(&mut options.telnyx);
    lab_with(options, &[]).await
}

fn held(lab: &Lab) -> TelnyxState {
    lab.cloud.state().telnyx
}

/// Orders that were not lost to another buyer.
fn bought(lab: &Lab) -> usize {
    let orders = held(lab).orders.into_iter();
    orders
        .filter(|order| order.status != TelnyxOrderStatus::Failure)
        .count()
}

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
async fn one_profile_serves_all_and_a_configured_one_is_taken() {
    let mut lab = lab().await;
    let first = lab.provision().await.unwrap();
    lab.instance = InstanceId::generate();
    let second = lab.provision().await.unwrap();
    let profile = |tool: &ProvisionedTool| tool.env.get("TELNYX_MESSAGING_PROFILE_ID").cloned();
    assert_eq!(profile(&first), profile(&second));
    assert_eq!(held(&lab).profiles.len(), 1);
    let id = profile(&first).unwrap().expose().to_owned();
    lab.assert_requests_documented();

    let lab = lab_with(Options::default(), &[("TELNYX_MESSAGING_PROFILE_ID", &id)]).await;
    let error = lab.provision().await.unwrap_err();
    assert_ne!(
        error.kind(),
        ErrorKind::Unavailable,
        "a profile of another cloud: {error}"
    );
    assert!(held(&lab).profiles.is_empty() && held(&lab).numbers.is_empty());
}

#[tokio::test]
async fn five_numbers_bought_at_once_create_one_profile() {
    let lab = lab().await;
    let none = ToolOptions::new();
    let instances: Vec<_> = (0..5).map(|_| InstanceId::generate()).collect();
    let provision = |instance| lab.tool.provision(&lab.cx, instance, &none);
    let tools = join_all(instances.iter().map(provision)).await;
    let profile = |tool: Result<ProvisionedTool, _>| {
        let env = tool.unwrap().env;
        env.get("TELNYX_MESSAGING_PROFILE_ID")
            .unwrap()
            .expose()
            .to_owned()
    };
    let profiles: BTreeSet<_> = tools.into_iter().map(profile).collect();
    assert_eq!(profiles.len(), 1);
    assert_eq!(lab.calls("CreateMessagingProfile"), 1);
    assert_eq!(lab.calls("DeleteMessagingProfile"), 0);
    lab.assert_requests_documented();
}

#[tokio::test]
async fn two_replicas_that_create_a_profile_at_once_agree_on_one() {
    let lab = lab().await;
    // A second provider has a cache of its own, as a second replica has.
    let (other, none) = (lab.second_provider(), ToolOptions::new());
    let (one, two) = (InstanceId::generate(), InstanceId::generate());
    let (a, b) = tokio::join!(
        lab.tool.provision(&lab.cx, &one, &none),
        other.provision(&lab.cx, &two, &none)
    );
    let profile = |tool: ProvisionedTool| tool.env.get("TELNYX_MESSAGING_PROFILE_ID").cloned();
    assert_eq!(profile(a.unwrap()), profile(b.unwrap()));
    assert_eq!(held(&lab).profiles.len(), 1);
    lab.assert_requests_documented();
}

#[tokio::test]
async fn a_profile_that_somebody_deleted_is_found_again_after_one_failure() {
    let mut lab = lab().await;
    lab.provision().await.unwrap();
    lab.cloud.delete_messaging_profiles();
    lab.instance = InstanceId::generate();
    lab.provision().await.unwrap_err();
    lab.provision().await.unwrap();
    assert_eq!(held(&lab).profiles.len(), 1);
    lab.assert_requests_documented();
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

const CAMPAIGN: (&str, &str) = ("TELNYX_CAMPAIGN_ID", "campaign-1");

#[tokio::test]
async fn a_number_joins_the_campaign_and_its_state_is_metadata() {
    let mut options = Options::default();
    options.telnyx.campaign_pace = Pace::Reads(1);
    let lab = lab_with(options, &[CAMPAIGN]).await;
    let tool = lab.provision().await.unwrap();
    assert_eq!(tool.metadata["campaign"], "waiting for the carriers");
    let state = async || {
        let (resource, metadata) = lab.tool.refresh(&lab.cx).await.unwrap().remove(0);
        assert_eq!(resource, tool.resource);
        metadata["campaign"].clone()
    };
    assert_eq!(state().await, "assigned");
    assert_eq!(lab.tool.notices(), [""; 0]);
    lab.destroy(&tool).await.unwrap();
    assert_eq!(lab.calls("DeletePhoneNumberCampaign"), 1);
    lab.assert_requests_documented();
}

#[tokio::test]
async fn a_campaign_that_carriers_are_slow_to_accept_does_not_delay_the_instance() {
    let mut options = Options::default();
    options.telnyx.campaign_pace = Pace::Millis(86_400_000);
    let lab = lab_with(options, &[CAMPAIGN]).await;
    let tool = lab.provision().await.unwrap();
    let refreshed = lab.tool.refresh(&lab.cx).await.unwrap();
    assert_eq!(refreshed[0].1["campaign"], "waiting for the carriers");
    assert_eq!(
        lab.provision().await.unwrap(),
        tool,
        "and it is adopted as it is"
    );
    assert_eq!(lab.calls("CreatePhoneNumberCampaign"), 1);
}

#[tokio::test]
async fn without_a_campaign_it_is_said_that_us_texts_are_dropped() {
    let us = lab().await;
    let notice = us.tool.notices().remove(0);
    assert!(
        notice.starts_with("TELNYX_CAMPAIGN_ID is not set: US carriers drop"),
        "{notice}"
    );
    assert_eq!(us.provision().await.unwrap().metadata["campaign"], notice);
    for settings in [
        ("TELNYX_NUMBER_TYPE", "toll_free"),
        ("TELNYX_COUNTRY_CODE", "DE"),
        CAMPAIGN,
    ] {
        let lab = lab_with(Options::default(), &[settings]).await;
        assert_eq!(lab.tool.notices(), [""; 0], "{settings:?}");
    }
}

#[tokio::test]
async fn for_a_full_campaign_no_number_is_bought() {
    let full = ("TELNYX_CAMPAIGN_MAX_NUMBERS", "1");
    let mut lab = lab_with(Options::default(), &[CAMPAIGN, full]).await;
    lab.provision().await.unwrap();
    lab.provision().await.unwrap();
    lab.instance = InstanceId::generate();
    let error = lab.provision().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(
        error
            .to_string()
            .contains("TELNYX_CAMPAIGN_MAX_NUMBERS is 1"),
        "{error}"
    );
    assert_eq!(lab.calls("CreateNumberOrder"), 1);
}

const KEEP: [(&str, &str); 2] = [("TELNYX_KEEP_NUMBERS", "1"), ("TELNYX_QUARANTINE_MS", "0")];

#[tokio::test]
async fn a_kept_number_serves_the_next_instance() {
    let mut lab = lab_with(Options::default(), &[KEEP[0], KEEP[1], CAMPAIGN]).await;
    let first = lab.provision().await.unwrap();
    lab.destroy(&first).await.unwrap();
    assert_eq!(held(&lab).numbers.len(), 1, "it is kept");
    assert_eq!(held(&lab).assignments.len(), 1, "and stays in its campaign");
    assert_eq!(
        lab.tool.list(&lab.cx).await.unwrap(),
        [],
        "and is nobody's orphan"
    );
    lab.destroy(&first).await.unwrap();
    assert_eq!(
        held(&lab).numbers.len(),
        1,
        "a repeated destruction leaves it"
    );
    lab.instance = InstanceId::generate();
    let second = lab.provision().await.unwrap();
    assert_eq!(second.resource, first.resource);
    assert_eq!(second.metadata["campaign"], "assigned");
    assert_eq!(lab.calls("CreateNumberOrder"), 1);
    lab.assert_requests_documented();
}

#[tokio::test]
async fn a_kept_number_is_not_given_away_during_its_quarantine() {
    let keep = [KEEP[0], ("TELNYX_QUARANTINE_MS", "3600000")];
    let mut lab = lab_with(Options::default(), &keep).await;
    let first = lab.provision().await.unwrap();
    lab.destroy(&first).await.unwrap();
    lab.instance = InstanceId::generate();
    assert_ne!(lab.provision().await.unwrap().resource, first.resource);
}

#[tokio::test]
async fn no_more_numbers_are_kept_than_asked_for_and_each_serves_one() {
    let mut lab = lab_with(Options::default(), &KEEP).await;
    let mut tools = Vec::new();
    for _ in 0..2 {
        lab.instance = InstanceId::generate();
        tools.push((lab.instance.clone(), lab.provision().await.unwrap()));
    }
    for (instance, tool) in &tools {
        lab.tool
            .destroy(&lab.cx, instance, &tool.resource)
            .await
            .unwrap();
    }
    assert_eq!(held(&lab).numbers.len(), 1);
    let (one, two) = (InstanceId::generate(), InstanceId::generate());
    let none = ToolOptions::new();
    let (a, b) = tokio::join!(
        lab.tool.provision(&lab.cx, &one, &none),
        lab.tool.provision(&lab.cx, &two, &none)
    );
    assert_ne!(a.unwrap().resource, b.unwrap().resource);
    assert_eq!(held(&lab).numbers.len(), 2);
}

/// Whatever the order of their calls, because the vendor would let both change the number.
#[tokio::test]
async fn two_replicas_never_take_the_same_kept_number() {
    let lab = lab_with(Options::default(), &KEEP).await;
    let first = lab.provision().await.unwrap();
    lab.destroy(&first).await.unwrap();
    let other_replica = lab
        .cx
        .enter("telnyx/ap-dev-free", Duration::ZERO, "the test")
        .await
        .unwrap();
    let (instance, none) = (InstanceId::generate(), ToolOptions::new());
    let soon = lab.cx.within(Duration::from_secs(4));
    let refused = lab.tool.provision(&soon, &instance, &none).await;
    assert!(refused.is_err(), "{refused:?}");
    let reference = held(&lab).numbers[0].customer_reference.clone();
    let is_free = |text: String| text.starts_with("ap-dev-free-");
    assert!(reference.is_some_and(is_free), "it is nobody's yet");
    drop(other_replica);
    let second = lab.tool.provision(&lab.cx, &instance, &none).await.unwrap();
    assert_eq!(second.resource, first.resource);
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
async fn an_order_that_is_not_checked_yet_is_not_taken_for_one_without_documents() {
    let lab = lab_of(|telnyx| {
        telnyx.order_pace = Pace::Reads(3);
        telnyx.requirements_pace = Pace::Reads(2);
    })
    .await;
    lab.provision().await.unwrap();
    assert_eq!(lab.calls("CancelSubNumberOrder"), 0);
    lab.assert_requests_documented();
}

#[tokio::test]
async fn with_a_requirement_group_a_slow_check_cancels_nothing() {
    let mut options = Options::default();
    options.telnyx.requirements_met = false;
    let group = ("TELNYX_REQUIREMENT_GROUP_ID", "group-1");
    let lab = lab_with(options, &[group, SHORT]).await;
    assert!(lab.provision().await.unwrap_err().is_transient());
    assert_eq!(lab.calls("CancelSubNumberOrder"), 0);
}

#[tokio::test]
async fn a_foreign_number_of_an_unknown_form_does_not_fail_the_list() {
    let lab = lab().await;
    for item in [
        json!({ "id": 7, "phone_number": null, "status": "active" }),
        json!({ "id": "8", "phone_number": "+14155550199" }),
        json!(null),
    ] {
        lab.cloud.add_foreign(Vendor::Telnyx, item);
    }
    lab.provision().await.unwrap();
    assert_eq!(lab.tool.list(&lab.cx).await.unwrap().len(), 1);
    lab.tool.verify(&lab.cx).await.unwrap();
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

#[tokio::test]
async fn an_order_whose_answer_was_lost_is_found_and_not_repeated() {
    let lab = lab().await;
    lab.lose_next_answer("CreateNumberOrder");
    lab.provision().await.unwrap();
    assert_eq!(
        (lab.calls("CreateNumberOrder"), held(&lab).numbers.len()),
        (1, 1)
    );
    lab.assert_requests_documented();
}

#[tokio::test]
async fn an_order_that_lists_show_late_is_not_repeated() {
    let lab = lab_of(|telnyx| telnyx.list_pace = Pace::Reads(4)).await;
    lab.lose_next_answer("CreateNumberOrder");
    lab.provision().await.unwrap();
    assert_eq!(
        (lab.calls("CreateNumberOrder"), held(&lab).numbers.len()),
        (1, 1)
    );
    lab.assert_requests_documented();
}

#[tokio::test]
async fn an_order_that_never_arrived_is_placed_by_the_next_call() {
    let lab = lab().await;
    lab.fail_next("CreateNumberOrder", Effect::Cut);
    assert!(lab.provision().await.unwrap_err().is_transient());
    lab.provision().await.unwrap();
    assert_eq!(held(&lab).numbers.len(), 1);
    lab.assert_requests_documented();
}

#[tokio::test]
async fn an_order_that_takes_long_is_gone_on_with_by_the_next_call() {
    let mut options = Options::default();
    options.telnyx.order_pace = Pace::Millis(500);
    let lab = lab_with(options, &[SHORT]).await;
    let error = lab.provision().await.unwrap_err();
    assert!(
        error.to_string().ends_with("the order is still pending"),
        "{error}"
    );
    assert!(error.is_transient());
    let tool = lab.provision_layered().await.unwrap();
    assert_eq!(tool.resource.as_str(), held(&lab).numbers[0].phone_number);
    assert_eq!(lab.calls("CreateNumberOrder"), 1);
    lab.assert_requests_documented();
}

#[tokio::test]
async fn a_call_that_is_dropped_after_the_order_forgets_nothing() {
    let lab = lab_of(|telnyx| telnyx.order_pace = Pace::Millis(50)).await;
    let provisioning = lab.provision();
    tokio::select! {
        _ = provisioning => unreachable!("the order is still pending"),
        () = async { while held(&lab).orders.is_empty() { tokio::task::yield_now().await } } => {}
    }
    lab.provision().await.unwrap();
    assert_eq!((held(&lab).orders.len(), held(&lab).numbers.len()), (1, 1));
    lab.assert_requests_documented();
}

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

#[tokio::test]
async fn an_empty_account_is_a_quota() {
    let lab = lab_of(|telnyx| telnyx.balance = 0.0).await;
    let error = lab.provision_layered().await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(lab.calls("CreateNumberOrder"), 1);
}

#[tokio::test]
async fn an_order_that_lacks_documents_to_the_end_is_cancelled() {
    let mut options = Options::default();
    options.telnyx.requirements_met = false;
    let lab = lab_with(options, &[SHORT]).await;
    let error = lab.provision().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(
        error
            .to_string()
            .contains("need documents that this account has not filed"),
        "{error}"
    );
    assert_eq!(bought(&lab), 0);
    lab.assert_requests_documented();
}

#[tokio::test]
async fn released_a_number_may_be_followed_by_a_new_one_once_lists_have_settled() {
    let lab = lab().await;
    let tool = lab.provision().await.unwrap();
    lab.destroy(&tool).await.unwrap();
    let error = lab.provision().await.unwrap_err();
    assert!(
        error.to_string().ends_with("ordered and not listed yet"),
        "{error}"
    );
    assert_eq!(lab.calls("CreateNumberOrder"), 1);

    let lab = lab_with(Options::default(), &[("TELNYX_SETTLE_MS", "0")]).await;
    let tool = lab.provision().await.unwrap();
    lab.destroy(&tool).await.unwrap();
    lab.provision().await.unwrap();
    assert_eq!(held(&lab).numbers.len(), 1);
}

#[tokio::test]
async fn destroying_twice_or_the_unknown_is_a_success() {
    let lab = lab().await;
    let tool = lab.provision().await.unwrap();
    lab.destroy(&tool).await.unwrap();
    assert!(held(&lab).numbers.is_empty());
    lab.destroy(&tool).await.unwrap();
    for unknown in ["+19995550000", "un%known"] {
        lab.destroy_resource(unknown).await.unwrap();
    }
    lab.assert_requests_documented();
}

#[tokio::test]
async fn a_number_that_lists_do_not_show_yet_is_released_all_the_same() {
    let lab = lab_of(|telnyx| telnyx.list_pace = Pace::Reads(2)).await;
    let tool = lab.provision().await.unwrap();
    lab.fail_next("ListPhoneNumbers", Effect::EmptyPage);
    lab.destroy(&tool).await.unwrap();
    assert!(held(&lab).numbers.is_empty());
    lab.assert_requests_documented();
}

#[tokio::test]
async fn a_number_that_is_another_instances_by_now_is_left_alone() {
    let lab = lab().await;
    let tool = lab.provision().await.unwrap();
    let before = InstanceId::generate();
    lab.tool
        .destroy(&lab.cx, &before, &tool.resource)
        .await
        .unwrap();
    assert_eq!(held(&lab).numbers.len(), 1);
}

#[tokio::test]
async fn the_list_walks_all_pages() {
    let mut lab = lab_of(|telnyx| {
        telnyx.order_pace = Pace::AT_ONCE;
        telnyx.messaging_pace = Pace::AT_ONCE;
    })
    .await;
    let mut ours = Vec::new();
    for _ in 0..251 {
        lab.instance = InstanceId::generate();
        ours.push(lab.instance.clone());
        lab.provision().await.unwrap();
    }
    let before = lab.calls("ListPhoneNumbers");
    let listed = lab.tool.list(&lab.cx).await.unwrap().into_iter();
    let mut listed: Vec<_> = listed.map(|number| number.instance).collect();
    listed.sort();
    ours.sort();
    assert_eq!(listed, ours);
    assert_eq!(lab.calls("ListPhoneNumbers") - before, 2, "250 a page");
}

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
async fn a_wrong_country_is_a_fault_of_its_variable() {
    let lab = lab().await;
    let environment = agent_pool_core::settings::Environment::from_iter([
        ("TELNYX_API_KEY", "k"),
        ("TELNYX_COUNTRY_CODE", "us"),
    ]);
    let error = (registration("telnyx").build)(&environment)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("TELNYX_COUNTRY_CODE is \"us\": expected two capital letters"),
        "{error}"
    );
    assert!(lab.tool.verify(&lab.cx).await.is_ok());
}

#[test]
fn the_readme_lists_the_settings() {
    readme_lists_the_settings(include_str!("../README.md"), "telnyx");
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
