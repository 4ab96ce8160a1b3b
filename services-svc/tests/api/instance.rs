//! `GET /instances/:instanceId`.

use agent_pool_core::ErrorKind;
use serde_json::json;

use crate::support::{Service, When, id};

#[tokio::test]
async fn an_instance_is_told_with_its_tools_and_without_a_secret() {
    let service = Service::start().await;
    service.create(&id(1), &["alpha", "beta"]).await.ok();
    let body = service.get("/instances/instance0001").await.ok();
    assert_eq!(body["busy"], false);
    let infra = &body["infra"];
    assert_eq!(
        (&infra["provider"], &infra["phase"], &infra["image"]),
        (&json!("cellar"), &json!("made"), &json!("runtime:1"))
    );
    assert_eq!(infra["serviceId"], format!("svc-ap-development-{}", id(1)));
    assert_eq!(infra["url"], format!("{}/{}", service.instances.url, id(1)));
    assert!(infra["createdAt"].is_string(), "{body}");
    let tools = body["tools"].as_array().unwrap();
    assert_eq!(tools[0]["resourceId"], format!("alpha-{}@0", id(1)));
    assert_eq!(tools[0]["usage"], json!({ "usd": 1.25 }));
    assert_eq!(
        (&tools[1]["toolId"], &tools[1]["status"]),
        (&json!("beta"), &json!("active"))
    );
    assert!(tools[1].get("usage").is_none() && tools[1]["createdAt"].is_string());
    assert!(!body.to_string().contains("hunter2"), "{body}");
}

#[tokio::test]
async fn a_document_says_the_same_in_words_with_the_tools_metadata() {
    let service = Service::start().await;
    service.world.state().metadata_text = "line\u{1b}[2J";
    service.create(&id(1), &["alpha"]).await.ok();
    let body = service.get("/instances/instance0001").await.ok();
    assert_eq!(body["tools"][0]["metadata"]["note"], "noted by alpha");
    let sections = body["document"]["sections"].as_array().unwrap();
    let titles: Vec<_> = sections.iter().map(|section| &section["title"]).collect();
    assert_eq!(titles, ["Infrastructure", "alpha", "Made from"]);
    let row = |section: usize, label: &str| {
        let rows = sections[section]["rows"].as_array().unwrap();
        let found = rows.iter().find(|row| row["label"] == label);
        found
            .unwrap_or_else(|| panic!("no {label} in {body}"))
            .clone()
    };
    assert_eq!(row(0, "Provider")["value"], "cellar");
    assert_eq!(row(0, "URL")["link"], body["infra"]["url"]);
    assert_eq!(row(1, "Resource")["value"], body["tools"][0]["resourceId"]);
    assert_eq!(row(1, "Usage (usd)")["value"], "1.25");
    assert_eq!(row(1, "note")["value"], "noted by alpha");
    let nested = row(1, "nested")["value"].to_string();
    assert!(
        nested.contains("line") && !nested.contains('\u{1b}'),
        "{nested}"
    );
}

#[tokio::test]
async fn one_that_is_worked_on_is_busy_and_one_that_is_not_there_is_unknown() {
    let service = Service::start().await;
    service
        .get("/instances/instance0001")
        .await
        .is_problem(404, "unknown_instance");
    service.world.hold("cellar create");
    let looked = async {
        service.world.called("cellar create", 1).await;
        let body = service.get("/instances/instance0001").await.ok();
        assert_eq!(
            (&body["busy"], &body["infra"]["phase"]),
            (&json!(true), &json!("creating"))
        );
        assert!(body["infra"].get("serviceId").is_none(), "{body}");
        service.world.open("cellar create");
    };
    let (created, ()) = tokio::join!(service.create("instance0001", &["alpha"]), looked);
    created.ok();
    service
        .world
        .fail("cellar destroy", ErrorKind::Forbidden, When::Before);
    service
        .delete("/destroy/instance0001")
        .await
        .is_problem(502, "destroy_incomplete");
    let asked = service.world.count("alpha usage");
    let body = service.get("/instances/instance0001").await.ok();
    assert_eq!(body["infra"]["phase"], "destroying");
    assert_eq!(body["tools"][0]["status"], "destroyed");
    assert_eq!(
        service.world.count("alpha usage"),
        asked,
        "not of what is gone"
    );
}

#[tokio::test]
async fn usage_is_left_out_where_the_vendor_fails_or_hangs() {
    let service = Service::start().await;
    service.create(&id(1), &["alpha"]).await.ok();
    service
        .world
        .fail("alpha usage", ErrorKind::Unavailable, When::Before);
    let body = service.get("/instances/instance0001").await.ok();
    assert!(body["tools"][0].get("usage").is_none(), "{body}");
    service.world.heal();
    service.world.hold("alpha usage");
    let body = service.get("/instances/instance0001").await.ok();
    assert!(body["tools"][0].get("usage").is_none(), "{body}");
}
