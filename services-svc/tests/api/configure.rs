//! `POST /configure/:instanceId`, `POST /redeploy/:instanceId` and `GET /logs/:instanceId`.

use agent_pool_core::{ErrorKind, Secret};
use serde_json::json;

use crate::support::{Service, When, id};

fn deployments(service: &Service) -> u32 {
    service
        .world
        .state()
        .services
        .values()
        .next()
        .unwrap()
        .deployments
}

#[tokio::test]
async fn variables_are_set_and_deployed_only_on_request() {
    let service = Service::start().await;
    service.create(&id(1), &[]).await.ok();
    let path = format!("/configure/{}", id(1));
    let done = json!({ "instanceId": id(1), "ok": true });
    let quiet = service
        .post(&path, json!({ "variables": { "A": "1" } }))
        .await;
    assert_eq!(quiet.ok(), done);
    assert_eq!(deployments(&service), 1);
    let loud = json!({ "variables": { "B": "2" }, "redeploy": true });
    service.post(&path, loud).await.ok();
    assert_eq!(deployments(&service), 2);
    let state = service.world.state();
    let variables = &state.services.values().next().unwrap().variables;
    assert_eq!(variables.get("A"), Some(&Secret::new("1")));
    assert_eq!(variables.get("COLOUR"), Some(&Secret::new("red")));
}

#[tokio::test]
async fn an_instance_is_deployed_again() {
    let service = Service::start().await;
    service.create(&id(1), &[]).await.ok();
    service
        .post(&format!("/redeploy/{}", id(1)), json!(null))
        .await
        .ok();
    assert_eq!(deployments(&service), 2);
}

#[tokio::test]
async fn an_infra_without_logs_says_so() {
    let service = Service::start().await;
    service.create(&id(1), &[]).await.ok();
    let answer = service.get(&format!("/logs/{}?lines=5", id(1))).await;
    answer.is_problem(501, "unsupported");
    let answer = service.get(&format!("/logs/{}?lines=many", id(1))).await;
    assert_eq!(
        answer.is_problem(400, "invalid_field").body["field"],
        "lines"
    );
}

#[tokio::test]
async fn an_instance_that_is_not_there_or_not_to_stay_is_left_alone() {
    let service = Service::start().await;
    let body = json!({ "variables": {} });
    for path in ["/configure/nosuchinstan", "/redeploy/nosuchinstan"] {
        service
            .post(path, body.clone())
            .await
            .is_problem(404, "unknown_instance");
    }
    service.create(&id(1), &[]).await.ok();
    let path = format!("/configure/{}", id(1));
    service
        .execute("UPDATE instance_infra SET started_at = NULL")
        .await;
    service
        .post(&path, body.clone())
        .await
        .is_problem(409, "instance_unfinished");
    service
        .world
        .fail("cellar destroy", ErrorKind::Unavailable, When::Before);
    service
        .delete(&format!("/destroy/{}", id(1)))
        .await
        .is_problem(503, "destroy_incomplete");
    service
        .post(&path, body)
        .await
        .is_problem(409, "instance_destroying");
}

#[tokio::test]
async fn a_vendor_that_slows_us_down_is_passed_on_with_its_time() {
    let service = Service::start().await;
    service.create(&id(1), &[]).await.ok();
    service
        .world
        .fail("cellar redeploy", ErrorKind::RateLimited, When::Before);
    let answer = service
        .post(&format!("/redeploy/{}", id(1)), json!(null))
        .await;
    answer.is_problem(503, "vendor_rate_limited");
    assert!(answer.headers.contains_key("retry-after"));
}
