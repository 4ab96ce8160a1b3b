//! Faults at every vendor: they apply at the given operation, before or after the effect, the given number of times.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not know as such"
)]

mod common;

use std::time::Duration;

use common::{Api, start};
use fake_cloud::{Effect, FaultRule, FieldFault, Options, RetryAfter, Times, Vendor};
use reqwest::Method;
use serde_json::{Value, json};

async fn create_key(api: &Api) -> reqwest::Result<reqwest::Response> {
    let key = api.cloud.options().openrouter.management_keys[0].clone();
    let body = Some(json!({"name": "k"}));
    api.try_send(
        Method::POST,
        api.cloud.openrouter_url() + "/keys",
        &key,
        body,
    )
    .await
}

fn fault(effect: Effect) -> FaultRule {
    FaultRule::new(Vendor::OpenRouter, effect).at("createKeys")
}

#[tokio::test]
async fn a_cut_before_leaves_nothing_and_a_cut_after_leaves_the_work() {
    let api = start(Options::default()).await;
    api.cloud.fault(fault(Effect::Cut));
    assert!(create_key(&api).await.is_err());
    assert_eq!(api.cloud.state().openrouter.keys.len(), 0);
    api.cloud.fault(fault(Effect::Cut).after_effect());
    assert!(create_key(&api).await.is_err());
    assert_eq!(api.cloud.state().openrouter.keys.len(), 1);
    assert_eq!(create_key(&api).await.unwrap().status(), 201);
    assert_eq!(api.cloud.calls(Vendor::OpenRouter, "createKeys"), 3);
}

#[tokio::test]
async fn a_hang_lasts_until_the_client_gives_up() {
    let api = start(Options::default()).await;
    api.cloud.fault(fault(Effect::Hang));
    let given_up = tokio::time::timeout(Duration::from_millis(50), create_key(&api)).await;
    assert!(given_up.is_err());
    assert!(api.cloud.state().openrouter.keys.is_empty());
}

#[tokio::test]
async fn retry_after_comes_in_both_forms() {
    let api = start(Options::default()).await;
    api.cloud
        .fault(fault(Effect::rate_limited(RetryAfter::Seconds(7))));
    assert_eq!(
        create_key(&api).await.unwrap().headers()["retry-after"],
        "7"
    );
    api.cloud
        .fault(fault(Effect::rate_limited(RetryAfter::DateInSeconds(60))));
    let answer = create_key(&api).await.unwrap();
    assert_eq!(answer.status(), 429);
    assert!(
        answer.headers()["retry-after"]
            .to_str()
            .unwrap()
            .ends_with("GMT")
    );
}

#[tokio::test]
async fn error_bodies_are_each_vendors_own() {
    let api = start(Options::default()).await;
    let fields = vec![FieldFault {
        field: "name".into(),
        message: "bad".into(),
    }];
    let effect = Effect::Status {
        status: 422,
        body: fake_cloud::Body::Vendor,
        code: None,
        message: Some("no".into()),
        fields,
        retry_after: None,
    };
    for vendor in Vendor::ALL {
        api.cloud.fault(FaultRule::new(vendor, effect.clone()));
    }
    let (_, railway) = api.graphql("{ me { id } }", json!({})).await;
    assert_eq!(railway["errors"][0]["message"], "no");
    let (_, openrouter) = api.openrouter("GET", "/credits", Value::Null).await;
    assert_eq!(
        (
            &openrouter["error"]["code"],
            &openrouter["error"]["metadata"]["name"]
        ),
        (&json!(422), &json!("bad"))
    );
    let (_, agentmail) = api.agentmail("GET", "/auth/me", Value::Null).await;
    assert_eq!(
        (&agentmail["code"], &agentmail["errors"][0]["message"]),
        (&json!("unprocessable"), &json!("bad"))
    );
    let (status, telnyx) = api.telnyx("GET", "/balance", Value::Null).await;
    assert_eq!(
        (status, &telnyx["errors"][0]["source"]["pointer"]),
        (422, &json!("/name"))
    );
}

#[tokio::test]
async fn a_lost_answer_can_be_html_and_a_graphql_error_is_200() {
    let api = start(Options::default()).await;
    api.cloud.fault(fault(Effect::html(502)).after_effect());
    let answer = create_key(&api).await.unwrap();
    assert_eq!(answer.status(), 502);
    assert!(answer.text().await.unwrap().starts_with("<!doctype html>"));
    assert_eq!(api.cloud.state().openrouter.keys.len(), 1);
    let rule = FaultRule::new(
        Vendor::Railway,
        Effect::graphql("Problem processing request"),
    );
    api.cloud.fault(rule.at("projects"));
    let message = api
        .refusal("{ projects { edges { cursor } } }", json!({}))
        .await;
    assert_eq!(message, "Problem processing request");
}

#[tokio::test]
async fn answers_are_mangled_as_asked() {
    let api = start(Options::default()).await;
    create_key(&api).await.unwrap();
    let rule = |effect| FaultRule::new(Vendor::OpenRouter, effect).at("list");
    api.cloud.fault(rule(Effect::EmptyPage));
    api.cloud.fault(rule(Effect::HugePage(1000)));
    api.cloud.fault(rule(Effect::MissingField("hash".into())));
    for (length, hash) in [(0, false), (1000, true), (1, false)] {
        let (_, body) = api.openrouter("GET", "/keys", Value::Null).await;
        assert_eq!(body["data"].as_array().unwrap().len(), length);
        assert_eq!(body["data"][0]["hash"].is_string(), hash);
    }
    api.cloud.fault(FaultRule::new(
        Vendor::Railway,
        Effect::NullField("edges".into()),
    ));
    let (status, body) = api
        .graphql("{ projects { edges { cursor } } }", json!({}))
        .await;
    assert!(
        status == 200 && body["data"]["projects"]["edges"].is_null() && body["errors"].is_array()
    );
}

#[tokio::test]
async fn the_admin_api_sets_faults_and_tells_state() {
    let api = start(Options::default()).await;
    let admin = async |method: Method, path: &str, body: Option<Value>| {
        let answer = api
            .send(method, api.cloud.admin_url() + path, "", body)
            .await;
        (
            answer.status().as_u16(),
            answer.json::<Value>().await.unwrap_or_default(),
        )
    };
    let rule = json!({"vendor": "openrouter", "operation": "createKeys",
        "effect": {"status": {"status": 500}}, "times": {"count": 2}, "phase": "after"});
    assert_eq!(admin(Method::POST, "/faults", Some(rule)).await.0, 204);
    assert_eq!(create_key(&api).await.unwrap().status(), 500);
    assert_eq!(
        admin(Method::GET, "/faults", None).await.1[0]["times"],
        json!({"count": 1})
    );
    assert_eq!(admin(Method::DELETE, "/faults", None).await.0, 204);
    assert_eq!(
        admin(Method::GET, "/state", None).await.1["openrouter"]["keys"][0]["name"],
        "k"
    );
    assert_eq!(
        admin(Method::GET, "/calls", None).await.1["openrouter"]["createKeys"],
        1
    );
    let latency = json!({"vendor": "telnyx", "base_ms": 1, "jitter_ms": 2});
    assert_eq!(admin(Method::PUT, "/latency", Some(latency)).await.0, 204);
    assert_eq!(
        admin(Method::POST, "/faults", Some(json!({"vendor": "nobody"})))
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn a_fault_that_is_always_there_ends_when_cleared() {
    let api = start(Options::default()).await;
    api.cloud
        .fault(fault(Effect::status(503)).times(Times::Always));
    for _ in 0..3 {
        assert_eq!(create_key(&api).await.unwrap().status(), 503);
    }
    api.cloud.clear_faults();
    assert_eq!(create_key(&api).await.unwrap().status(), 201);
}
