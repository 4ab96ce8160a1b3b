//! `POST /status/batch`.

use agent_pool_core::{DeployStatus, ErrorKind};
use agent_pool_service_kit::testing::eventually;
use serde_json::json;

use crate::support::{PATIENCE, Service, When, id, statements};

#[tokio::test]
async fn each_instance_is_reported_with_what_infra_and_runtime_say() {
    let service = Service::start().await;
    for number in 1..=3 {
        service.create(&id(number), &[]).await.ok();
    }
    service.instances.set_ready(&id(1));
    service
        .world
        .state()
        .services
        .remove(&id(3).parse().unwrap());
    let url = |number| format!("{}/{}", service.instances.url, id(number));
    let report = |number: usize, status: &str, made_from: &serde_json::Value| {
        json!({ "status": status, "healthy": false, "url": url(number), "image": "runtime:1",
                "madeFrom": made_from })
    };
    let answer = service.send(reqwest::Method::POST, "/status/batch", None);
    let answer = answer.await.ok();
    let made_from = &answer[id(1)]["madeFrom"];
    let mut first = report(1, "SUCCESS", made_from);
    first["healthy"] = true.into();
    first["version"] = "7.1".into();
    let all = json!({
        id(1): first,
        id(2): report(2, "SUCCESS", made_from),
        id(3): report(3, "MISSING", made_from),
    });
    assert_eq!(answer, all);
    let asked = json!({ "instanceIds": [id(1), "nosuchinstan"] });
    let one = service.post("/status/batch", asked).await.ok();
    assert_eq!(one, json!({ id(1): all[id(1)] }));
    let missing = "SELECT count(*) FROM instance_infra WHERE deploy_status = 'MISSING'";
    assert_eq!(service.number(missing).await, 1);
}

#[tokio::test]
async fn nothing_is_asked_where_there_is_nothing_to_report() {
    let service = Service::start().await;
    assert_eq!(
        service.post("/status/batch", json!({})).await.ok(),
        json!({})
    );
    service.create(&id(1), &[]).await.ok();
    let before = service.world.count("cellar list");
    let none = service
        .post("/status/batch", json!({ "instanceIds": [] }))
        .await
        .ok();
    assert_eq!(none, json!({}));
    assert_eq!(service.world.count("cellar list") - before, 0);
}

#[tokio::test]
async fn an_instance_that_is_being_made_is_not_missing() {
    let service = Service::start().await;
    service.world.hold("cellar create");
    let looked = async {
        service.world.called("cellar create", 1).await;
        let report = service.post("/status/batch", json!({})).await.ok();
        assert_eq!(report, json!({ id(1): { "healthy": false } }));
        service.world.open("cellar create");
    };
    let (answer, ()) = tokio::join!(service.create("instance0001", &[]), looked);
    answer.ok();
}

#[tokio::test]
async fn a_listing_that_fails_is_a_problem_and_never_an_empty_answer() {
    let service = Service::start().await;
    service.create(&id(1), &[]).await.ok();
    for (kind, status, code) in [
        (ErrorKind::Unavailable, 503, "vendor_unavailable"),
        (ErrorKind::Unauthorized, 502, "vendor_unauthorized"),
    ] {
        service.world.fail("cellar list", kind, When::Before);
        service
            .post("/status/batch", json!({}))
            .await
            .is_problem(status, code);
    }
}

#[tokio::test]
async fn health_is_asked_of_so_many_at_once_beside_the_listing() {
    let service = Service::with(&[("HEALTH_CONCURRENCY", "3")]).await;
    for number in 1..=8 {
        service.create(&id(number), &[]).await.ok();
        service.instances.set_ready(&id(number));
    }
    service.instances.hold();
    service.world.hold("cellar list");
    let full = async {
        service.world.called("cellar list", 1).await;
        let instances = &service.instances;
        eventually("three pings", PATIENCE, async || instances.in_flight() == 3).await;
        service.instances.release();
        service.world.open("cellar list");
    };
    let (answer, ()) = tokio::join!(service.post("/status/batch", json!({})), full);
    let report = answer.ok();
    assert!(
        report
            .as_object()
            .unwrap()
            .values()
            .all(|one| one["healthy"] == true),
        "{report}"
    );
    assert_eq!(service.instances.most_in_flight(), 3);
}

#[tokio::test]
async fn instances_that_failed_the_last_time_are_asked_apart_and_delay_no_other() {
    let settings = [("HEALTH_CONCURRENCY", "1"), ("HEALTH_TIMEOUT_MS", "600000")];
    let service = Service::with(&settings).await;
    for number in 1..=3 {
        service.create(&id(number), &[]).await.ok();
    }
    service.instances.set_ready(&id(3));
    let report = service.post("/status/batch", json!({})).await.ok();
    assert_eq!(report[id(1)]["healthy"], false);
    assert_eq!(report[id(3)]["healthy"], true);
    // The failing instances hang now. The healthy one is checked separately.
    service.instances.set_ready(&id(1));
    service.instances.hold();
    let both = async {
        let instances = &service.instances;
        eventually("two pings", PATIENCE, async || instances.in_flight() == 2).await;
        instances.release();
    };
    let (answer, ()) = tokio::join!(service.post("/status/batch", json!({})), both);
    let report = answer.ok();
    assert_eq!(report[id(1)]["healthy"], true, "it has recovered");
    assert_eq!(report[id(2)]["healthy"], false);
    assert_eq!(report[id(3)]["healthy"], true);
}

#[tokio::test]
async fn failing_instances_that_hang_end_a_look_in_time() {
    let settings = [("HEALTH_CONCURRENCY", "1"), ("HEALTH_TIMEOUT_MS", "50")];
    let service = Service::with(&settings).await;
    for number in 1..=40 {
        service.create(&id(number), &[]).await.ok();
    }
    assert!(
        service
            .post("/status/batch", json!({}))
            .await
            .ok()
            .is_object()
    );
    service.instances.hold();
    let asked = service.instances.asked();
    service.post("/status/batch", json!({})).await.ok();
    let asked = service.instances.asked() - asked;
    assert!(asked < 20, "{asked} of 40 were asked one after the other");
    service.instances.release();
}

#[tokio::test]
async fn an_instance_that_does_not_answer_in_time_is_not_healthy() {
    let service = Service::with(&[("HEALTH_TIMEOUT_MS", "50")]).await;
    service.create(&id(1), &[]).await.ok();
    service.instances.set_ready(&id(1));
    service.instances.hold();
    let report = service.post("/status/batch", json!({})).await.ok();
    assert_eq!(report[id(1)]["healthy"], false);
    service.instances.release();
}

#[tokio::test]
async fn a_batch_is_as_many_statements_for_many_instances_as_for_one() {
    let service = Service::start().await;
    let sent = async || {
        let before = statements::count();
        service.post("/status/batch", json!({})).await.ok();
        statements::count() - before
    };
    service.create(&id(1), &[]).await.ok();
    // The background tasks of a service send statements when it starts.
    eventually("only this test sends statements", PATIENCE, async || {
        sent().await == 2
    })
    .await;
    // The first creation lists once, for instances of another deployment.
    let before = service.world.count("cellar list");
    for listed in service.world.state().services.values_mut() {
        listed.status = Some(DeployStatus::Crashed);
    }
    // One statement reads the age of the last webhook, because this infra has webhooks.
    assert_eq!(sent().await, 3, "one to read, one to write what changed");
    assert_eq!(sent().await, 2, "nothing changed");
    for number in 2..=40 {
        service.create(&id(number), &[]).await.ok();
    }
    assert_eq!(sent().await, 3);
    assert_eq!(service.world.count("cellar list") - before, 3);
}

#[tokio::test]
async fn who_asks_soon_after_another_gets_the_same_list_and_nobody_is_dead_by_an_old_one() {
    let service = Service::with(&[("STATUS_LIST_MAX_AGE_MS", "60000")]).await;
    let instance: agent_pool_core::InstanceId = id(1).parse().unwrap();
    service.create(&id(1), &[]).await.ok();
    let before = service.world.count("cellar list");
    let status = async || {
        service
            .post("/status/batch", serde_json::json!({}))
            .await
            .ok()
    };
    for _ in 0..3 {
        assert_eq!(status().await[&id(1)]["status"], "SUCCESS");
    }
    assert_eq!(
        service.world.count("cellar list") - before,
        1,
        "one list for all"
    );

    // Created after the list: it is not missing. An instance that is dead in the list does not stay dead either.
    service.create(&id(2), &[]).await.ok();
    assert_eq!(status().await[&id(2)]["status"], "SUCCESS");
    assert_eq!(service.world.count("cellar list") - before, 2);
    for (now, lists) in [
        (agent_pool_core::DeployStatus::Crashed, 3),
        (agent_pool_core::DeployStatus::Success, 4),
    ] {
        service.create(&id(lists), &[]).await.ok();
        service
            .world
            .state()
            .services
            .get_mut(&instance)
            .unwrap()
            .status = Some(now.clone());
        assert_eq!(status().await[&id(1)]["status"], now.to_string());
        assert_eq!(service.world.count("cellar list") - before, lists);
    }
}

#[tokio::test]
async fn characters_that_the_database_cannot_store_do_not_stop_the_reports() {
    let service = Service::start().await;
    service.create(&id(1), &[]).await.ok();
    {
        let mut state = service.world.state();
        let listed = state.services.values_mut().next().unwrap();
        listed.status = Some(DeployStatus::from("ODD\0WORD".to_owned()));
        listed.detail = Some("bad\0 luck".to_owned());
        listed.handle.image = Some("image\0:2".to_owned());
    }
    for _ in 0..2 {
        let report = service.post("/status/batch", json!({})).await.ok();
        let report = &report[id(1)];
        assert_eq!(report["status"], "ODD\u{fffd}WORD");
        assert_eq!(report["image"], "image\u{fffd}:2");
        assert_eq!(report["detail"], "bad\u{fffd} luck");
    }
}
