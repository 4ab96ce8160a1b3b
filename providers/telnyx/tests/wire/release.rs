//! Releasing a number.

use agent_pool_core::InstanceId;
use fake_cloud::{Effect, Options, Pace};

use crate::lab::{held, lab, lab_of, lab_with};

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
