//! Numbers that are kept for the next instance.

use std::time::Duration;

use agent_pool_core::{InstanceId, ToolOptions};
use fake_cloud::Options;

use crate::lab::{CAMPAIGN, held, lab_with};

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
        "and is no orphan"
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
    assert!(
        reference.is_some_and(is_free),
        "it belongs to no instance yet"
    );
    drop(other_replica);
    let second = lab.tool.provision(&lab.cx, &instance, &none).await.unwrap();
    assert_eq!(second.resource, first.resource);
}
