use serde_json::json;

use crate::world::{World, answer, replica, settings};

#[tokio::test]
async fn a_bad_claim_names_the_field_and_takes_nothing() {
    let world = World::new(&[]).await;
    let id = world.idle(1).await.remove(0);
    let long = |count| "x".repeat(count);
    let name = Some("agentName");
    #[rustfmt::skip]
    let table = [
        ("{".to_owned(),                                      400, "malformed_json", None),
        ("7".to_owned(),                                      400, "invalid_field",  None),
        ("[]".to_owned(),                                     400, "invalid_field",  None),
        (json!({"agentName": 7}).to_string(),                 400, "invalid_field",  name),
        (json!({"agentName": long(65)}).to_string(),          400, "invalid_field",  name),
        (json!({"agentName": "a\u{7}b"}).to_string(),         400, "invalid_field",  name),
        (json!({"instructions": long(65_537)}).to_string(),   400, "invalid_field",  Some("instructions")),
        (json!({"joinUrl": "ftp://x"}).to_string(),           400, "invalid_field",  Some("joinUrl")),
        (json!({"joinUrl": "no slug"}).to_string(),           400, "invalid_field",  Some("joinUrl")),
        (json!({"x": long(256 * 1024)}).to_string(),          413, "body_too_large", None),
    ];
    for path in ["/api/pool/claim", "/api/pool/claim/stream"] {
        for (body, status, code, field) in &table {
            let answer = world.send("POST", path, body).await;
            let shown = &body[..body.len().min(60)];
            assert_eq!(
                (answer.status, answer.code()),
                (*status, *code),
                "{shown}: {}",
                answer.body
            );
            if field.is_some() {
                assert_eq!(answer.body["field"].as_str(), *field, "{shown}");
            }
            assert_eq!(answer.body["error"], answer.body["detail"]);
        }
    }
    assert_eq!(world.status(&id).await.as_deref(), Some("idle"));
}

#[tokio::test]
async fn every_route_but_the_open_ones_wants_the_key() {
    let world = World::new(&[]).await;
    let keyed = [
        ("POST", "claim"),
        ("POST", "claim/stream"),
        ("GET", "status"),
        ("GET", "agents"),
        ("GET", "events"),
        ("POST", "replenish"),
        ("POST", "drain"),
        ("POST", "reconcile"),
        ("DELETE", "instances/abcdefghijkl"),
        ("DELETE", "crashed/abcdefghijkl"),
    ];
    // Each replica slows a source down after ten wrong keys, so that two replicas answer eleven.
    let second = replica(&settings(&world.database, &world.fake.url, &[])).await;
    for (index, (method, path)) in keyed.into_iter().enumerate() {
        let base = if index < 6 { &world.url } else { &second };
        let url = format!("{base}/api/pool/{path}");
        for key in [None, Some("wrong")] {
            let mut request = world.http.request(method.parse().unwrap(), &url);
            if let Some(key) = key {
                request = request.bearer_auth(key);
            }
            let answer = answer(request).await;
            assert_eq!(
                (answer.status, answer.code()),
                (401, "unauthorized"),
                "{path}"
            );
            assert!(answer.headers.contains_key("www-authenticate"), "{path}");
        }
    }
    for path in [
        "/api/pool/counts",
        "/api/pool/info",
        "/api/pool/templates",
        "/healthz",
        "/readyz",
    ] {
        let answer = answer(world.http.get(format!("{}{path}", world.url))).await;
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_404_and_a_wrong_method_405() {
    let world = World::new(&[]).await;
    for (method, path, status, code) in [
        ("GET", "/nowhere", 404, "unknown_route"),
        ("GET", "/api/pool/nowhere", 404, "unknown_route"),
        ("GET", "/api/pool/claim", 405, "method_not_allowed"),
        ("POST", "/api/pool/status", 405, "method_not_allowed"),
        ("DELETE", "/api/pool/instances/bad", 404, "unknown_route"),
        (
            "DELETE",
            "/api/pool/instances/abcdefghijkl",
            404,
            "unknown_instance",
        ),
        (
            "DELETE",
            "/api/pool/crashed/abcdefghijkl",
            404,
            "unknown_instance",
        ),
        ("GET", "/api/pool/templates/nobody", 404, "unknown_template"),
        ("GET", "/api/pool/events?limit=x", 400, "invalid_field"),
        ("GET", "/api/pool/events?instanceId=x", 400, "invalid_field"),
        ("POST", "/api/pool/drain", 400, "malformed_json"),
    ] {
        let answer = world.send(method, path, "").await;
        assert_eq!(
            (answer.status, answer.code()),
            (status, code),
            "{method} {path}: {}",
            answer.body
        );
        assert_eq!(
            answer.headers.contains_key("allow"),
            status == 405,
            "{path}"
        );
    }
    let drain = world
        .send("POST", "/api/pool/drain", r#"{"count": -1}"#)
        .await;
    assert_eq!(
        (drain.status, drain.body["field"].as_str()),
        (400, Some("count"))
    );
}
