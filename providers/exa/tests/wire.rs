//! Tests of the requests to Exa, and of the handling of its answers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fake;

use std::sync::Arc;

use agent_pool_core::conformance::{FakeServer, Harness as _, ToolHarness as _};
use agent_pool_core::{
    Context, ErrorKind, InstanceId, Mark, ProvisionedTool, ToolOptions, ToolProvider, http,
};
use provider_exa as _;
use provider_test_kit::{
    AnyVendor, any_answer_to_a_tool_is_read_or_refused, readme_lists_the_settings,
};
use serde_json::json;

use fake::{Fake, Form};

async fn exa() -> FakeServer<Fake> {
    FakeServer::start("exa", Fake::default()).await
}

fn provider(exa: &FakeServer<Fake>) -> Arc<dyn ToolProvider> {
    exa.build(&exa.environment()).unwrap()
}

fn cx() -> Context {
    Context::new(Mark::new(&"dev".parse().unwrap()), http::client().unwrap())
}

async fn provision(exa: &FakeServer<Fake>, options: ToolOptions) -> ProvisionedTool {
    let (exa, instance) = (provider(exa), InstanceId::generate());
    exa.provision(&cx(), &instance, &options).await.unwrap()
}

#[tokio::test]
async fn a_key_is_named_after_its_instance_and_its_text_is_no_resource() {
    for form in [Form::IdAlone, Form::PublicId] {
        let exa = exa().await;
        exa.vendor().form = form;
        let tool = provision(&exa, ToolOptions::new()).await;
        let key = exa.vendor().keys[0].clone();
        assert_eq!(tool.env.get("EXA_API_KEY").unwrap().expose(), key.text);
        assert_eq!(key.body, json!({ "name": tool.resource.as_str() }));
    }
}

#[tokio::test]
async fn budget_and_rate_are_the_callers_or_else_the_settings() {
    let exa = exa().await;
    let mut environment = exa.environment();
    environment.set("EXA_KEY_BUDGET_CENTS", "500");
    environment.set("EXA_KEY_RATE_LIMIT", "5");
    let provider = exa.build(&environment).unwrap();
    let options = ToolOptions::from_iter([("budgetCents".to_owned(), 900.into())]);
    provider
        .provision(&cx(), &InstanceId::generate(), &options)
        .await
        .unwrap();
    let body = exa.vendor().keys[0].body.clone();
    assert_eq!(
        (&body["budgetCents"], &body["rateLimit"]),
        (&json!(900), &json!(5))
    );
    let stray = ToolOptions::from_iter([("budget".to_owned(), 9.into())]);
    let error = provider
        .provision(&cx(), &InstanceId::generate(), &stray)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn every_key_of_the_name_is_deleted() {
    let exa = exa().await;
    let instance = InstanceId::generate();
    let tool = provider(&exa)
        .provision(&cx(), &instance, &ToolOptions::new())
        .await
        .unwrap();
    let mut twin = exa.vendor().keys[0].clone();
    twin.text = "twin".to_owned();
    twin.public_id = "key_twin".to_owned();
    exa.vendor().keys.push(twin);
    provider(&exa)
        .destroy(&cx(), &instance, &tool.resource)
        .await
        .unwrap();
    assert!(exa.vendor().keys.is_empty());
}

#[tokio::test]
async fn what_was_made_with_a_revoked_service_key_is_found_and_deleted_with_the_next_one() {
    let exa = exa().await;
    let tool = provision(&exa, ToolOptions::new()).await;
    exa.vendor().rotated = Some("another-service-key".to_owned());
    let refused = provider(&exa).list(&cx()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthorized);
    let mut environment = exa.environment();
    environment.set("EXA_SERVICE_KEY", "another-service-key");
    let rotated = exa.build(&environment).unwrap();
    let listed = rotated.list(&cx()).await.unwrap();
    let [found] = &listed[..] else {
        panic!("one key: {listed:?}");
    };
    assert_eq!(found.resource, tool.resource);
    let instance = found.instance.clone();
    rotated
        .destroy(&cx(), &instance, &tool.resource)
        .await
        .unwrap();
    assert!(exa.vendor().keys.is_empty());
}

#[tokio::test]
async fn usage_is_what_the_key_cost_in_thirty_days() {
    let exa = exa().await;
    let tool = provision(&exa, ToolOptions::new()).await;
    let usage = provider(&exa).usage(&cx(), &tool.resource).await.unwrap();
    assert_eq!(usage.0, [("usd_30_days".to_owned(), 1.5)].into());
    exa.vendor().keys.clear();
    let error = provider(&exa)
        .usage(&cx(), &tool.resource)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_foreign_key_of_an_unknown_form_does_not_fail_the_list() {
    let exa = exa().await;
    exa.vendor().foreign = vec![
        json!({ "id": 17, "name": "of a later version" }),
        json!({ "id": "k", "name": null, "createdAt": null }),
    ];
    provision(&exa, ToolOptions::new()).await;
    assert_eq!(provider(&exa).list(&cx()).await.unwrap().len(), 1);
}

#[test]
fn the_readme_lists_the_settings() {
    readme_lists_the_settings(include_str!("../README.md"), "exa");
}

#[tokio::test]
async fn any_answer_of_the_vendor_is_read_or_refused() {
    let vendor = AnyVendor {
        id: "exa",
        url: "EXA_API_URL",
        settings: &[("EXA_SERVICE_KEY", "exa-key-of-the-tests")],
        members: &[
            "id",
            "name",
            "apiKeys",
            "apiKey",
            "api_key_id",
            "cost",
            "total_cost_usd",
        ],
    };
    any_answer_to_a_tool_is_read_or_refused(vendor).await;
}
