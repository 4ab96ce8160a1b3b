//! Every answer of the three REST vendors against the vendor's own OpenAPI document.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not know as such"
)]

mod common;
mod contracts;

use common::{Api, start};
use fake_cloud::{Effect, FaultRule, Options, TelnyxState, Vendor};
use serde_json::{Value, json};

/// Answers that the document does not declare, and the source for each.
const UNDECLARED: [(&str, u16, &str); 1] = [(
    "inboxes_list",
    400,
    "a bad page token is a validation_error [D]",
)];

/// The document's schema for one answer; `None` if it declares the status without a body.
fn schema_of(document: &Value, operation: &str, status: u16) -> Option<Value> {
    let paths = document["paths"].as_object().unwrap().values();
    let mut operations = paths.flat_map(|path| path.as_object().unwrap().values());
    let found = operations.find(|candidate| candidate["operationId"] == operation);
    let answers =
        &found.unwrap_or_else(|| panic!("{operation} is not in the document"))["responses"];
    let range = format!("{}XX", status / 100);
    let names = [status.to_string(), range, "default".into()];
    let answer = names.iter().find_map(|name| answers.get(name));
    let mut answer = answer.unwrap_or_else(|| panic!("{operation} declares no {status}"));
    if let Some(reference) = answer["$ref"].as_str() {
        answer = document.pointer(reference.trim_start_matches('#')).unwrap();
    }
    answer["content"]
        .get("application/json")
        .map(|content| content["schema"].clone())
}

/// The faults of an answer.
fn faults(document: &Value, schema: Value, answer: &Value) -> Vec<String> {
    let mut root = document.clone();
    root["$ref"] = "#/x-answer".into();
    root["x-answer"] = schema;
    let validator = jsonschema::draft202012::new(&root).unwrap();
    validator
        .iter_errors(answer)
        .map(|e| format!("{} {e}", e.instance_path()))
        .collect()
}

#[test]
fn a_wrong_answer_is_found() {
    let Some(document) = contracts::json("openrouter/openapi.json") else {
        return;
    };
    let schema = schema_of(&document, "list", 200).unwrap();
    assert!(faults(&document, schema.clone(), &json!({"data": []})).is_empty());
    assert!(!faults(&document, schema.clone(), &json!({"data": [{"hash": 1}]})).is_empty());
    assert!(!faults(&document, schema, &json!({})).is_empty());
}

fn check(document: &Value, cloud: &fake_cloud::FakeCloud, vendor: Vendor) -> usize {
    let exchanges = cloud
        .exchanges()
        .into_iter()
        .filter(|exchange| exchange.vendor == vendor);
    let mut checked = 0;
    for exchange in exchanges {
        let (operation, status) = (exchange.operation.as_str(), exchange.status);
        if UNDECLARED
            .iter()
            .any(|(name, code, _)| (*name, *code) == (operation, status))
        {
            continue;
        }
        let Some(schema) = schema_of(document, operation, status) else {
            assert!(
                exchange.answer.is_none(),
                "{operation} {status} has no body"
            );
            continue;
        };
        let answer = exchange
            .answer
            .unwrap_or_else(|| panic!("{operation} {status} has a body"));
        let faults = faults(document, schema, &answer);
        assert!(
            faults.is_empty(),
            "{operation} {status}: {faults:#?}\n{answer:#}"
        );
        checked += 1;
    }
    checked
}

async fn run(api: &Api, vendor: Vendor, steps: Vec<(&str, String, Value)>) {
    for (method, path, body) in steps {
        match vendor {
            Vendor::OpenRouter => api.openrouter(method, &path, body).await,
            Vendor::AgentMail => api.agentmail(method, &path, body).await,
            Vendor::Telnyx => api.telnyx(method, &path, body).await,
            Vendor::Railway => unreachable!("has no OpenAPI document"),
        };
    }
}

/// Each way to fail that the document declares for `operation`, by a fault.
async fn fail(api: &Api, vendor: Vendor, path: &str, statuses: &[u16]) {
    for status in statuses {
        api.cloud
            .fault(FaultRule::new(vendor, Effect::status(*status)));
        run(api, vendor, vec![("GET", path.to_owned(), Value::Null)]).await;
    }
}

async fn recording() -> Api {
    start(Options {
        record: true,
        ..Options::default()
    })
    .await
}

#[tokio::test]
async fn openrouter_answers_as_its_document_says() {
    let Some(document) = contracts::json("openrouter/openapi.json") else {
        return;
    };
    let (api, vendor) = (recording().await, Vendor::OpenRouter);
    let new = json!({"name": "k", "limit": 5.0, "limit_reset": "monthly", "expires_at": "2030-01-01T00:00:00Z"});
    run(
        &api,
        vendor,
        vec![
            ("POST", "/keys".into(), new),
            ("POST", "/keys".into(), json!({})),
        ],
    )
    .await;
    let key = format!("/keys/{}", api.cloud.state().openrouter.keys[0].hash);
    let space = json!({"name": "n", "slug": "s"});
    run(
        &api,
        vendor,
        vec![
            ("GET", "/keys?include_disabled=true".into(), Value::Null),
            ("GET", "/keys?offset=x".into(), Value::Null),
            ("GET", key.clone(), Value::Null),
            ("PATCH", key.clone(), json!({"disabled": true})),
            ("DELETE", key.clone(), Value::Null),
            ("DELETE", key, Value::Null),
            ("GET", "/key".into(), Value::Null),
            ("GET", "/credits".into(), Value::Null),
            ("GET", "/workspaces".into(), Value::Null),
            ("POST", "/workspaces".into(), space.clone()),
            ("POST", "/workspaces".into(), space),
        ],
    )
    .await;
    let id = api.cloud.state().openrouter.workspaces[1].id.clone();
    let space = format!("/workspaces/{id}");
    run(
        &api,
        vendor,
        vec![
            ("GET", space.clone(), Value::Null),
            ("DELETE", space.clone(), Value::Null),
            ("GET", space, Value::Null),
        ],
    )
    .await;
    fail(&api, vendor, "/keys", &[400, 401, 429, 500]).await;
    assert_eq!(check(&document, &api.cloud, vendor), 20);
    assert!(api.cloud.unexpected().is_empty());
}

#[tokio::test]
async fn agentmail_answers_as_its_document_says() {
    let Some(document) = contracts::json("agentmail/openapi.json") else {
        return;
    };
    let (api, vendor) = (recording().await, Vendor::AgentMail);
    let inbox = "/inboxes/one%40agentmail.to";
    let new =
        json!({"username": "one", "client_id": "c", "metadata": {"a": 1}, "display_name": "One"});
    run(
        &api,
        vendor,
        vec![
            ("POST", "/inboxes".into(), new.clone()),
            ("POST", "/inboxes".into(), new),
            ("POST", "/inboxes".into(), json!({"username": "one"})),
            ("POST", "/inboxes".into(), json!({"domain": "x.example"})),
            ("POST", "/inboxes".into(), json!({"username": ""})),
            ("GET", "/inboxes?limit=1".into(), Value::Null),
            ("GET", "/inboxes?page_token=bad".into(), Value::Null),
            ("GET", inbox.into(), Value::Null),
            ("PATCH", inbox.into(), json!({"metadata": {"b": true}})),
            ("POST", format!("{inbox}/api-keys"), json!({"name": "k"})),
            ("GET", format!("{inbox}/api-keys"), Value::Null),
            ("GET", "/auth/me".into(), Value::Null),
            ("GET", "/organizations".into(), Value::Null),
        ],
    )
    .await;
    let key = api.cloud.state().agentmail.api_keys[0].api_key_id.clone();
    run(
        &api,
        vendor,
        vec![
            ("DELETE", format!("{inbox}/api-keys/{key}"), Value::Null),
            ("DELETE", inbox.into(), Value::Null),
            ("DELETE", inbox.into(), Value::Null),
        ],
    )
    .await;
    fail(&api, vendor, "/inboxes", &[401, 403, 429, 500, 503]).await;
    assert_eq!(check(&document, &api.cloud, vendor), 18);
    assert!(api.cloud.unexpected().is_empty());
}

type Step = (&'static str, String, Value);

#[rustfmt::skip]
fn telnyx_before() -> Vec<Step> {
    let line = json!([{"phone_number": "+14155550000"}]);
    let order = json!({"phone_numbers": line, "customer_reference": "mine"});
    vec![
        ("POST", "/number_orders".into(), order.clone()),
        ("GET", "/available_phone_numbers?filter[country_code]=US".into(), Value::Null),
        ("GET", "/available_phone_numbers?filter[country_code]=DE".into(), Value::Null),
        ("POST", "/number_reservations".into(), order.clone()),
        ("POST", "/number_orders".into(), order),
        ("POST", "/number_orders".into(), json!({})),
        ("GET", "/number_orders?filter[customer_reference]=mine".into(), Value::Null),
        ("GET", "/number_orders/unknown".into(), Value::Null),
        ("POST", "/messaging_profiles".into(), json!({"name": "p", "whitelisted_destinations": ["US"]})),
        ("POST", "/messaging_profiles".into(), json!({"name": "p"})),
        ("GET", "/messaging_profiles?filter[name][eq]=p".into(), Value::Null),
        ("GET", "/balance".into(), Value::Null),
    ]
}

#[rustfmt::skip]
fn telnyx_after(held: &TelnyxState) -> Vec<Step> {
    let (order, part) = (&held.orders[0].id, &held.orders[0].sub_order_id);
    let (number, profile) = (&held.numbers[0].id, &held.profiles[0].id);
    let assign = json!({"messaging_profile_id": profile});
    vec![
        ("GET", format!("/number_orders/{order}"), Value::Null),
        ("PATCH", format!("/sub_number_orders/{part}/cancel"), Value::Null),
        ("GET", "/phone_numbers?page[size]=1".into(), Value::Null),
        ("GET", format!("/phone_numbers/{number}"), Value::Null),
        ("PATCH", format!("/phone_numbers/{number}"), json!({"tags": ["t"]})),
        ("PATCH", format!("/phone_numbers/{number}/messaging"), assign.clone()),
        ("PATCH", format!("/phone_numbers/{number}/messaging"), assign),
        ("GET", format!("/phone_numbers/{number}/messaging"), Value::Null),
        ("GET", format!("/messaging_profiles/{profile}"), Value::Null),
        ("GET", format!("/messaging_profiles/{profile}/phone_numbers"), Value::Null),
        ("DELETE", format!("/phone_numbers/{number}"), Value::Null),
        ("DELETE", format!("/phone_numbers/{number}"), Value::Null),
        ("DELETE", format!("/messaging_profiles/{profile}"), Value::Null),
    ]
}

#[tokio::test]
async fn telnyx_answers_as_its_document_says() {
    let Some(document) = contracts::json("telnyx/openapi.json") else {
        return;
    };
    let (api, vendor) = (recording().await, Vendor::Telnyx);
    run(&api, vendor, telnyx_before()).await;
    run(&api, vendor, telnyx_after(&api.cloud.state().telnyx)).await;
    fail(&api, vendor, "/phone_numbers", &[400, 401, 404, 422, 500]).await;
    assert_eq!(check(&document, &api.cloud, vendor), 30);
    assert!(api.cloud.unexpected().is_empty());
}

#[tokio::test]
async fn a_cancelled_sub_order_is_as_the_document_says() {
    let Some(document) = contracts::json("telnyx/openapi.json") else {
        return;
    };
    let mut options = Options {
        record: true,
        ..Options::default()
    };
    options.telnyx.requirements_met = false;
    let (api, vendor) = (start(options).await, Vendor::Telnyx);
    let order = json!({"phone_numbers": [{"phone_number": "+14155550000"}]});
    run(
        &api,
        vendor,
        vec![
            ("GET", "/available_phone_numbers".into(), Value::Null),
            ("POST", "/number_orders".into(), order),
        ],
    )
    .await;
    let part = api.cloud.state().telnyx.orders[0].sub_order_id.clone();
    let cancel = format!("/sub_number_orders/{part}/cancel");
    run(&api, vendor, vec![("PATCH", cancel, Value::Null)]).await;
    assert_eq!(check(&document, &api.cloud, vendor), 3);
}
