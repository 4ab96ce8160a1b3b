//! Telnyx's rules, one by one.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not know as such"
)]

mod common;

use common::{Api, assert_states_the_rest, start};
use fake_cloud::{Options, Pace, RateLimit, TelnyxOrderStatus, Vendor};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

const SEARCH: &str =
    "/available_phone_numbers?filter[country_code]=US&filter[features][]=sms&filter[limit]=2";

async fn search(api: &Api) -> String {
    let (_, body) = api.telnyx("GET", SEARCH, Value::Null).await;
    body["data"][0]["phone_number"].as_str().unwrap().to_owned()
}

async fn order(api: &Api, number: &str) -> (u16, Value) {
    let body = json!({"phone_numbers": [{"phone_number": number}], "customer_reference": "mine"});
    api.telnyx("POST", "/number_orders", body).await
}

/// A bought number's id and text.
async fn buy(api: &Api) -> (String, String) {
    let number = search(api).await;
    let (_, body) = order(api, &number).await;
    let path = format!("/number_orders/{}", body["data"]["id"].as_str().unwrap());
    api.telnyx("GET", &path, Value::Null).await;
    (api.cloud.state().telnyx.numbers[0].id.clone(), number)
}

#[tokio::test]
async fn only_what_a_search_returned_can_be_ordered_and_every_post_buys() {
    let api = start(Options::default()).await;
    let (status, body) = order(&api, "+14155550000").await;
    assert_eq!(
        (status, body["errors"][0]["code"].as_str()),
        (400, Some("85000"))
    );
    let number = search(&api).await;
    assert_eq!(order(&api, &number).await.1["data"]["status"], "pending");
    let (status, body) = order(&api, &number).await;
    assert_eq!(
        (status, body["errors"][0]["code"].as_str()),
        (400, Some("85001"))
    );
    order(&api, &search(&api).await).await;
    assert_eq!(api.cloud.state().telnyx.orders.len(), 2);
}

#[tokio::test]
async fn an_order_goes_through_later_and_its_line_is_not_the_number() {
    let mut options = Options::default();
    options.telnyx.order_pace = Pace::Reads(2);
    let api = start(options).await;
    let number = search(&api).await;
    let (_, body) = order(&api, &number).await;
    let line = body["data"]["phone_numbers"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/number_orders/{}", body["data"]["id"].as_str().unwrap());
    for status in ["pending", "pending", "success"] {
        assert_eq!(
            api.telnyx("GET", &path, Value::Null).await.1["data"]["status"],
            status
        );
    }
    let digits = number.trim_start_matches('+');
    for (query, found) in [
        (format!("filter[phone_number]={digits}"), 1),
        (format!("filter[phone_number]=%2B{digits}"), 0),
        ("filter[customer_reference]=mine".into(), 1),
        ("filter[customer_reference]=other".into(), 0),
    ] {
        let (_, body) = api
            .telnyx("GET", &format!("/phone_numbers?{query}"), Value::Null)
            .await;
        assert_eq!(body["meta"]["total_results"], found, "{query}");
        assert_ne!(body["data"][0]["id"], line);
    }
}

#[tokio::test]
async fn a_number_that_another_buyer_takes_fails_its_order() {
    let api = start(Options::default()).await;
    let number = search(&api).await;
    let (_, body) = order(&api, &number).await;
    api.cloud.take_number_as_another_buyer(&number);
    let path = format!("/number_orders/{}", body["data"]["id"].as_str().unwrap());
    api.telnyx("GET", &path, Value::Null).await;
    let (_, body) = api.telnyx("GET", &path, Value::Null).await;
    assert_eq!(body["data"]["phone_numbers"][0]["status"], "failure");
    assert_eq!(
        api.cloud.state().telnyx.orders[0].status,
        TelnyxOrderStatus::Failure
    );
    assert!(api.cloud.state().telnyx.numbers.is_empty());
}

#[tokio::test]
async fn a_profile_is_assigned_at_messaging_alone_and_not_at_once() {
    let api = start(Options::default()).await;
    let (id, _) = buy(&api).await;
    let profile = json!({"name": "p", "whitelisted_destinations": ["US"]});
    let (_, profile) = api.telnyx("POST", "/messaging_profiles", profile).await;
    let body = json!({"messaging_profile_id": profile["data"]["id"]});
    let number = format!("/phone_numbers/{id}");
    assert_eq!(api.telnyx("PATCH", &number, body.clone()).await.0, 422);
    assert_eq!(api.cloud.unexpected().len(), 1);
    let messaging = format!("{number}/messaging");
    assert_eq!(api.telnyx("PATCH", &messaging, body.clone()).await.0, 404);
    let (status, answer) = api.telnyx("PATCH", &messaging, body.clone()).await;
    assert_eq!(
        (status, &answer["data"]["messaging_profile_id"]),
        (200, &body["messaging_profile_id"])
    );
    api.telnyx("PATCH", &messaging, json!({"messaging_profile_id": null}))
        .await;
    assert!(
        api.cloud.state().telnyx.numbers[0]
            .messaging_profile_id
            .is_some()
    );
    api.telnyx("PATCH", &messaging, json!({"messaging_profile_id": ""}))
        .await;
    assert!(
        api.cloud.state().telnyx.numbers[0]
            .messaging_profile_id
            .is_none()
    );
}

#[tokio::test]
async fn refusals_have_the_vendors_code_and_place() {
    let mut options = Options::default();
    options.telnyx.balance = 0.0;
    let api = start(options).await;
    let number = search(&api).await;
    let order = json!({"phone_numbers": [{"phone_number": number}]});
    for (method, path, body, status, code) in [
        (
            "POST",
            "/messaging_profiles",
            json!({"name": "p"}),
            422,
            "10004",
        ),
        ("POST", "/number_orders", order, 422, "20100"),
        (
            "POST",
            "/number_orders",
            json!({"phone_numbers": [{}]}),
            422,
            "10004",
        ),
        (
            "GET",
            "/phone_numbers?page[size]=251",
            Value::Null,
            422,
            "10015",
        ),
        (
            "GET",
            "/available_phone_numbers?filter[country_code]=DE",
            Value::Null,
            400,
            "10015",
        ),
        ("GET", "/phone_numbers/1", Value::Null, 404, "10005"),
    ] {
        let (got, answer) = api.telnyx(method, path, body).await;
        assert_eq!(
            (got, answer["errors"][0]["code"].as_str()),
            (status, Some(code)),
            "{path}"
        );
    }
    let (_, body) = api
        .telnyx("POST", "/number_orders", json!({"phone_numbers": [{}]}))
        .await;
    assert_eq!(
        body["errors"][0]["source"]["pointer"],
        "/phone_numbers/0/phone_number"
    );
}

#[tokio::test]
async fn a_number_is_deleted_once_by_either_name() {
    let api = start(Options::default()).await;
    let (id, number) = buy(&api).await;
    let path = format!("/phone_numbers/{}", number.replace('+', "%2B"));
    assert_eq!(
        api.telnyx("GET", &path, Value::Null).await.1["data"]["id"],
        id
    );
    assert_eq!(
        api.telnyx("DELETE", &path, Value::Null).await.1["data"]["status"],
        "deleted"
    );
    assert_eq!(api.telnyx("DELETE", &path, Value::Null).await.0, 404);
}

#[tokio::test]
async fn an_order_that_waits_for_papers_can_be_cancelled() {
    let mut options = Options::default();
    options.telnyx.requirements_met = false;
    options.telnyx.order_pace = Pace::AT_ONCE;
    let api = start(options).await;
    let (_, body) = order(&api, &search(&api).await).await;
    let part = body["data"]["sub_number_orders_ids"][0].as_str().unwrap();
    let path = format!("/sub_number_orders/{part}/cancel");
    assert_eq!(api.telnyx("PATCH", &path, Value::Null).await.0, 200);
    assert_eq!(api.telnyx("PATCH", &path, Value::Null).await.0, 422);
}

#[tokio::test]
async fn the_budget_is_on_every_answer_and_resets_in_seconds() {
    let api = start(Options::default()).await;
    let begun = Instant::now();
    api.cloud.set_rate_limit(
        Vendor::Telnyx,
        Some(RateLimit {
            requests: 1,
            window_ms: 60_000,
        }),
    );
    let key = api.cloud.options().telnyx.api_keys[0].clone();
    for status in [200, 429] {
        let answer = api
            .send(Method::GET, api.cloud.telnyx_url() + "/balance", &key, None)
            .await;
        assert_eq!(answer.status().as_u16(), status);
        assert_states_the_rest(&answer, "x-ratelimit-reset", 60, begun);
        assert!(!answer.headers().contains_key("retry-after"));
    }
}
