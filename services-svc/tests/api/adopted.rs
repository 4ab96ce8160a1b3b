//! Tests of instances that were taken over from the original: vendors have them under other names, so no listing
//! contains them.

use serde_json::json;

use crate::support::{Service, id};

/// An instance with a tool, as if both were taken over: the vendor of the tool does not list it.
async fn adopted() -> Service {
    let service = Service::with(&[("SWEEP_GRACE_MS", "0")]).await;
    service.create(&id(1), &["alpha"]).await.ok();
    service
        .execute("UPDATE instance_infra SET adopted_at = now()")
        .await;
    service
        .execute("UPDATE instance_services SET adopted_at = now()")
        .await;
    service.world.state().resources.clear();
    service
}

async fn missing(service: &Service) -> Vec<String> {
    let report = service.post("/sweep", json!({})).await.ok();
    let missing = report["missing"].as_array().unwrap().iter();
    missing
        .map(|one| one["provider"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn adopted_instances_that_no_list_has_are_not_missing() {
    let service = adopted().await;
    service.world.state().services.clear();
    service.instances.set_ready(&id(1));
    let batch = service.post("/status/batch", json!({})).await.ok();
    let report = &batch[id(1)];
    assert!(report["status"].is_null(), "{report}");
    assert_eq!(report["healthy"], true);
    assert_eq!(missing(&service).await, [""; 0]);
}

#[tokio::test]
async fn a_tool_that_is_made_anew_is_ours_and_missed() {
    let service = adopted().await;
    let resource = format!("/destroy/{}/alpha/alpha-{}@0", id(1), id(1));
    service.delete(&resource).await.ok();
    service
        .post(&format!("/provision/{}/alpha", id(1)), json!({}))
        .await
        .ok();
    service.world.state().resources.clear();
    assert_eq!(missing(&service).await, ["alpha"]);
}
