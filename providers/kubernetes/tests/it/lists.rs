//! Tests of lists: an instance that a list lacks counts as gone, so only a complete list is accepted.

use agent_pool_core::conformance::Fault;
use agent_pool_core::{DeployStatus, ErrorKind};
use fake_cloud::kubernetes::ClusterOptions;
use serde_json::json;

use crate::support::{IMAGE, Lab, World};

async fn three_pages() -> World {
    let options = ClusterOptions {
        page_size: 2,
        ..ClusterOptions::default()
    };
    let world = Lab::start(options).await.into_world(&[]);
    for _ in 0..5 {
        world.create().await;
    }
    world
}

#[tokio::test]
async fn a_list_whose_pages_expire_begins_again() {
    let world = three_pages().await;
    world.lab.cluster.expire_pages(2);
    assert_eq!(world.infra.list(&world.cx).await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_list_whose_pages_always_expire_is_an_error_and_no_short_list() {
    let world = three_pages().await;
    world.lab.cluster.expire_pages(usize::MAX);
    let error = world.infra.list(&world.cx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("expired"), "{error}");
}

#[tokio::test]
async fn an_api_server_that_is_away_makes_no_instance_look_gone() {
    let world = three_pages().await;
    for fault in [Fault::Cut, Fault::Unavailable, Fault::NotJson] {
        world.lab.proxy.fault(fault);
        assert!(world.infra.list(&world.cx).await.is_err(), "{fault:?}");
        world.lab.proxy.heal();
    }
    assert_eq!(world.infra.list(&world.cx).await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_namespace_that_does_not_exist_is_no_empty_list() {
    let world = Lab::world(&[("NAMESPACE", "agnets")]).await;
    let error = world.infra.list(&world.cx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(
        error.to_string().contains("agnets") && error.to_string().contains("KUBERNETES_NAMESPACE"),
        "{error}"
    );
}

#[tokio::test]
async fn one_object_at_fault_hides_no_other() {
    let world = Lab::world(&[]).await;
    let (good, bad) = (world.deployed(&[]).await, world.deployed(&[]).await);
    let break_it = |value: &mut serde_json::Value| value["spec"]["replicas"] = json!("one");
    world
        .lab
        .cluster
        .change("statefulsets", bad.handle.service.as_str(), break_it);
    assert_eq!(
        world.listed(&good).await.unwrap().status,
        Some(DeployStatus::Success)
    );
    let status = world.listed(&bad).await.unwrap().status.unwrap();
    assert!(!status.is_dead(), "{status}");
}

#[tokio::test]
async fn what_others_have_is_not_ours() {
    let world = Lab::world(&[]).await;
    let own = world.create().await;
    let labels = json!({ "agent-pool.mark": "ap-test", "app": "database" });
    let foreign =
        json!({ "metadata": { "name": "database", "labels": labels }, "spec": { "image": IMAGE } });
    world.lab.cluster.add("statefulsets", foreign);
    let listed = world.infra.list(&world.cx).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].handle, own.handle);
}

#[tokio::test]
async fn the_wait_that_the_api_server_asks_for_is_passed_on() {
    let world = Lab::world(&[]).await;
    world.lab.cluster.throttle(1);
    let error = world.infra.verify(&world.cx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(1)));
}
