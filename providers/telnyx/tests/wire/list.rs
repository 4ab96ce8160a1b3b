//! The list of numbers.

use agent_pool_core::InstanceId;
use fake_cloud::{Pace, Vendor};
use serde_json::json;

use crate::lab::{lab, lab_of};

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
