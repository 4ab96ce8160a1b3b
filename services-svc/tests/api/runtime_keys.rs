//! Tests that each instance has its own key, and that no rotation of any key changes its reported health.

use serde_json::{Value, json};

use crate::support::{KEY, Service, id};

const ENCRYPTED: (&str, &str) = (
    "SERVICES_ENCRYPTION_KEY",
    "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
);
const OTHER_ENCRYPTION: (&str, &str) = (
    "SERVICES_ENCRYPTION_KEY",
    "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=",
);

/// A ready instance that accepts its own key alone, and that key.
async fn create(service: &Service, id: &str) -> String {
    let created = service.create(id, &[]).await.ok();
    let key = created["runtimeKey"].as_str().unwrap().to_owned();
    service.instances.set_ready(id);
    service.instances.set_key(id, &key);
    key
}

async fn report(service: &Service, url: &str, id: &str) -> Value {
    let request = service.client.post(format!("{url}/status/batch"));
    let answer = request.bearer_auth(KEY).send().await.unwrap();
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    body[id].clone()
}

#[tokio::test]
async fn an_instance_gets_a_key_of_its_own_which_opens_nothing_of_ours() {
    let service = Service::with(&[ENCRYPTED]).await;
    let (one, other) = (
        create(&service, &id(1)).await,
        create(&service, &id(2)).await,
    );
    assert_ne!(one, other);
    for number in [1, 2] {
        let report = report(&service, &service.url, &id(number)).await;
        assert_eq!(report["healthy"], true, "pings present it: {report}");
    }
    let create = json!({ "instanceId": id(3), "name": "x" }).to_string();
    for (method, path, body) in [
        (reqwest::Method::GET, "/registry", None),
        (reqwest::Method::POST, "/create-instance", Some(create)),
    ] {
        let answer = service.send_with(&one, method, path, body).await;
        answer.is_problem(401, "unauthorized");
    }
    let again = service.create(&id(1), &[]).await.ok();
    assert_eq!(
        again["runtimeKey"],
        one.as_str(),
        "a repeated creation answers the same"
    );
    let clear = format!("SELECT count(*) FROM instance_infra WHERE runtime_key LIKE '%{one}%'");
    assert_eq!(service.number(&clear).await, 0, "sealed at rest");
}

#[tokio::test]
async fn rotating_the_operators_key_changes_no_health() {
    let service = Service::start().await;
    create(&service, &id(1)).await;
    let rotated = [("POOL_API_KEY", "new-key-0123456789, test-key-0123456789")];
    let replica = service.replica_with(&rotated).await;
    assert_eq!(report(&service, &replica, &id(1)).await["healthy"], true);
}

#[tokio::test]
async fn an_instance_made_before_accepts_any_of_the_operators_keys() {
    let service = Service::start().await;
    create(&service, &id(1)).await;
    let older = "UPDATE instance_infra SET runtime_key = NULL";
    service.execute(older).await;
    // The older of two rotating keys: see the settings of these tests.
    service.instances.set_key(&id(1), "old-key-0123456789");
    let report = report(&service, &service.url, &id(1)).await;
    assert_eq!(report["healthy"], true, "{report}");
    let again = service.create(&id(1), &[]).await.ok();
    assert!(again.get("runtimeKey").is_none(), "it has none");
}

#[tokio::test]
async fn an_instance_that_refuses_our_key_is_reported_as_such_and_not_as_dead() {
    let service = Service::with(&[ENCRYPTED]).await;
    create(&service, &id(1)).await;
    create(&service, &id(2)).await;
    service.instances.set_key(&id(1), "somebody's");
    let refused = report(&service, &service.url, &id(1)).await;
    assert_eq!(
        (&refused["healthy"], &refused["keyRefused"]),
        (&json!(false), &json!(true))
    );
    let other = report(&service, &service.url, &id(2)).await;
    assert!(other.get("keyRefused").is_none(), "{other}");
    // A lost encryption key is our fault too.
    let replica = service.replica_with(&[OTHER_ENCRYPTION]).await;
    let lost = report(&service, &replica, &id(2)).await;
    assert_eq!(lost["keyRefused"], true, "{lost}");
}
