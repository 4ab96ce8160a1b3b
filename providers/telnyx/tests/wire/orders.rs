//! Orders: lost answers, checks and documents.

use agent_pool_core::ErrorKind;
use fake_cloud::{Effect, Options, Pace};
use provider_test_kit::Lab;

use crate::lab::{SHORT, bought, held, lab, lab_of, lab_with};

#[tokio::test]
async fn an_order_whose_answer_was_lost_is_found_and_not_repeated() {
    finds_the_lost_order(lab().await).await;
}

#[tokio::test]
async fn an_order_that_lists_show_late_is_not_repeated() {
    finds_the_lost_order(lab_of(|telnyx| telnyx.list_pace = Pace::Reads(4)).await).await;
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
    options.telnyx.order_pace = Pace::Millis(3_600_000);
    let lab = lab_with(options, &[SHORT]).await;
    let error = lab.provision().await.unwrap_err();
    assert!(
        error.to_string().ends_with("the order is still pending"),
        "{error}"
    );
    assert!(error.is_transient());
    let looks = lab.calls("RetrieveNumberOrder");
    let mut next = Box::pin(lab.provision_layered());
    tokio::select! {
        _ = &mut next => unreachable!("the order is still pending"),
        () = async {
            while lab.calls("RetrieveNumberOrder") == looks {
                tokio::task::yield_now().await;
            }
        } => {}
    }
    lab.cloud.fulfil_telnyx_orders();
    let tool = next.await.unwrap();
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
async fn an_empty_account_is_a_quota() {
    let lab = lab_of(|telnyx| telnyx.balance = 0.0).await;
    let error = lab.provision_layered().await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(lab.calls("CreateNumberOrder"), 1);
}

/// Buys a number although the answer to its order is lost.
async fn finds_the_lost_order(lab: Lab) {
    lab.lose_next_answer("CreateNumberOrder");
    lab.provision().await.unwrap();
    assert_eq!(
        (lab.calls("CreateNumberOrder"), held(&lab).numbers.len()),
        (1, 1)
    );
    lab.assert_requests_documented();
}
