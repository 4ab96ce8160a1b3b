//! Messaging profiles, which numbers share.

use std::collections::BTreeSet;

use agent_pool_core::{ErrorKind, InstanceId, ProvisionedTool, ToolOptions};
use fake_cloud::Options;
use futures_util::future::join_all;

use crate::lab::{held, lab, lab_with};

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
