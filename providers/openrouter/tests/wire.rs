//! Tests of the requests to OpenRouter, and of the handling of its answers and failures.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not know as such"
)]

use std::time::Duration;

use agent_pool_core::{ErrorKind, InstanceId, Mark, ToolOptions};
use fake_cloud::{Effect, OpenRouterKey, Options, RetryAfter, Vendor, WorkspaceList};
use provider_openrouter as _;
use provider_test_kit::{
    AnyVendor, Lab, any_answer_to_a_tool_is_read_or_refused, on_bad_days, readme_lists_the_settings,
};
use serde_json::{Value, json};
use tokio::time::Instant;

async fn lab_with(options: Options, settings: &[(&str, &str)]) -> Lab {
    Lab::start(Vendor::OpenRouter, options, settings).await
}

async fn lab() -> Lab {
    lab_with(Options::default(), &[]).await
}

fn keys(lab: &Lab) -> Vec<OpenRouterKey> {
    lab.cloud.state().openrouter.keys
}

fn options(value: Value) -> ToolOptions {
    serde_json::from_value(value).unwrap()
}

#[tokio::test]
async fn a_key_is_made_with_a_limit_and_its_text_goes_to_the_instance_alone() {
    let lab = lab().await;
    let tool = lab.provision().await.unwrap();
    let key = keys(&lab).remove(0);
    assert_eq!(key.name, lab.cx.mark().label(&lab.instance));
    assert_eq!((key.limit, key.limit_reset), (Some(20.0), None));
    assert_eq!(tool.resource.as_str(), key.hash);
    assert_eq!(
        tool.env.get("OPENROUTER_API_KEY").unwrap().expose(),
        key.secret
    );
    assert!(!format!("{tool:?} {:?}", tool.metadata).contains(&key.secret));
    assert_eq!(lab.calls_in_all(), 3);
    lab.assert_requests_documented();
}

#[tokio::test]
async fn settings_and_options_decide_on_limit_reset_and_workspace() {
    let settings = [
        ("OPENROUTER_KEY_LIMIT", "5.5"),
        ("OPENROUTER_KEY_LIMIT_RESET", "weekly"),
    ];
    let lab = lab_with(Options::default(), &settings).await;
    lab.provision().await.unwrap();
    assert_eq!(
        (keys(&lab)[0].limit, keys(&lab)[0].limit_reset.as_deref()),
        (Some(5.5), Some("weekly"))
    );
    let asked = options(json!({ "limit": 1, "limitReset": "daily" }));
    lab.tool
        .provision(&lab.cx, &InstanceId::generate(), &asked)
        .await
        .unwrap();
    assert_eq!(
        (keys(&lab)[1].limit, keys(&lab)[1].limit_reset.as_deref()),
        (Some(1.0), Some("daily"))
    );
    lab.assert_requests_documented();
}

#[tokio::test]
async fn without_a_list_of_workspaces_the_keys_of_the_default_one_are_listed() {
    for workspaces in [
        WorkspaceList::Empty,
        WorkspaceList::Forbidden,
        WorkspaceList::NotFound,
    ] {
        let mut all = Options::default();
        all.openrouter.workspaces = workspaces;
        let lab = lab_with(all, &[]).await;
        let tool = lab.provision().await.unwrap();
        assert_eq!(
            lab.tool.list(&lab.cx).await.unwrap()[0].resource,
            tool.resource
        );
        lab.provision().await.unwrap();
        assert_eq!(
            keys(&lab).len(),
            1,
            "{workspaces:?}: the first key was found and replaced"
        );
    }
}

#[tokio::test]
async fn members_that_are_not_used_may_be_null_in_other_peoples_keys() {
    let lab = lab().await;
    for item in [
        json!({ "hash": "a", "name": "theirs", "label": null, "usage": null, "created_at": null }),
        json!({ "hash": "b", "name": null }),
        json!({ "name": "of a later version", "scope": {} }),
    ] {
        lab.cloud.add_foreign(Vendor::OpenRouter, item);
    }
    lab.provision().await.unwrap();
    assert_eq!(lab.tool.list(&lab.cx).await.unwrap().len(), 1);
}

#[tokio::test]
async fn expiry_own_keys_and_guardrail_can_be_set() {
    let guardrail = Options::default().openrouter.guardrails.remove(0);
    let settings = [
        ("OPENROUTER_KEY_EXPIRES_DAYS", "30"),
        ("OPENROUTER_INCLUDE_BYOK_IN_LIMIT", "true"),
        ("OPENROUTER_GUARDRAIL_ID", guardrail.as_str()),
    ];
    let lab = lab_with(Options::default(), &settings).await;
    lab.provision().await.unwrap();
    let key = keys(&lab).remove(0);
    let expires: chrono::DateTime<chrono::Utc> = key.expires_at.unwrap().parse().unwrap();
    let days = (expires - chrono::Utc::now()).num_hours();
    assert!((719..=720).contains(&days), "{days}");
    assert!(key.include_byok_in_limit);
    assert_eq!(key.guardrail_id, Some(guardrail));
    lab.assert_requests_documented();
}

#[tokio::test]
async fn a_key_without_its_guardrail_does_not_stay() {
    let settings = [(
        "OPENROUTER_GUARDRAIL_ID",
        "00000000-0000-4000-8000-000000000000",
    )];
    let lab = lab_with(Options::default(), &settings).await;
    assert_eq!(
        lab.provision().await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert!(keys(&lab).is_empty());
}

#[tokio::test]
async fn an_option_that_is_not_known_is_named() {
    let lab = lab().await;
    let asked = options(json!({ "limt": 1 }));
    let error = lab
        .tool
        .provision(&lab.cx, &lab.instance, &asked)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(
        error.to_string().contains("unknown field `limt`"),
        "{error}"
    );
    assert_eq!(lab.calls_in_all(), 0);
}

#[tokio::test]
async fn provisioned_again_the_old_key_is_gone_and_the_new_one_works() {
    let lab = lab().await;
    let first = lab.provision().await.unwrap();
    lab.tool
        .update(
            &lab.cx,
            &first.resource,
            &options(json!({ "disabled": true })),
        )
        .await
        .unwrap();
    let second = lab.provision().await.unwrap();
    assert_ne!(first.resource, second.resource);
    let hashes: Vec<String> = keys(&lab).into_iter().map(|key| key.hash).collect();
    assert_eq!(
        hashes,
        [second.resource.as_str()],
        "even a disabled one is found"
    );
    lab.assert_requests_documented();
}

#[tokio::test]
async fn a_key_whose_text_was_lost_on_the_way_is_not_left_behind() {
    let lab = lab().await;
    lab.lose_next_answer("createKeys");
    let error = lab.provision().await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(keys(&lab).is_empty());
    lab.lose_next_answer("createKeys");
    let tool = lab.provision_layered().await.unwrap();
    assert_eq!(keys(&lab).len(), 1);
    assert_eq!(keys(&lab)[0].hash, tool.resource.as_str());
    lab.assert_requests_documented();
}

#[tokio::test]
async fn destroying_twice_or_the_unknown_is_a_success() {
    let lab = lab().await;
    let tool = lab.provision().await.unwrap();
    lab.destroy(&tool).await.unwrap();
    assert!(keys(&lab).is_empty());
    lab.destroy(&tool).await.unwrap();
    lab.destroy_resource("un%known").await.unwrap();
    lab.assert_requests_documented();
}

#[tokio::test]
async fn the_list_walks_all_pages_and_leaves_out_what_is_not_ours() {
    let mut small = Options::default();
    small.openrouter.page_size = 2;
    let mut lab = lab_with(small, &[]).await;
    let mut ours = Vec::new();
    for _ in 0..5 {
        lab.instance = InstanceId::generate();
        lab.provision().await.unwrap();
        ours.push(lab.instance.clone());
    }
    let other =
        agent_pool_core::Context::new(Mark::new(&"prod".parse().unwrap()), lab.cx.http().clone());
    lab.tool
        .provision(&other, &lab.instance, &ToolOptions::new())
        .await
        .unwrap();
    let mut listed: Vec<_> = lab.tool.list(&lab.cx).await.unwrap();
    assert!(listed.iter().all(|key| key.created_at.is_some()));
    listed.sort_by(|a, b| a.instance.cmp(&b.instance));
    ours.sort();
    assert_eq!(
        listed
            .into_iter()
            .map(|key| key.instance)
            .collect::<Vec<_>>(),
        ours
    );
    lab.assert_requests_documented();
}

#[tokio::test]
async fn usage_tells_what_the_key_spent_and_what_is_left() {
    let lab = lab().await;
    let tool = lab.provision().await.unwrap();
    lab.cloud.spend(tool.resource.as_str(), 1.5);
    let usage = lab.tool.usage(&lab.cx, &tool.resource).await.unwrap().0;
    assert_eq!(
        (
            usage["usd"],
            usage["usd_remaining"],
            usage["account_usd_remaining"]
        ),
        (1.5, 18.5, 998.5)
    );
    lab.assert_requests_documented();
}

#[tokio::test]
async fn a_bad_day_at_any_step_has_its_error_and_leaves_nothing_behind() {
    let steps = &["list", "createKeys"];
    on_bad_days(lab, steps, "deleteKeys", |cloud| {
        cloud.openrouter.keys.len()
    })
    .await;
}

/// A 403 and a 404 mean that the account has no workspaces; everything else is a failure.
#[tokio::test]
async fn a_failing_list_of_workspaces_is_not_taken_for_none() {
    for (effect, kind) in [
        (Effect::status(401), ErrorKind::Unauthorized),
        (Effect::status(422), ErrorKind::Invalid),
        (Effect::status(500), ErrorKind::Unavailable),
        (Effect::Cut, ErrorKind::Unavailable),
        (Effect::html(200), ErrorKind::Protocol),
    ] {
        let lab = lab().await;
        lab.fail_next("listWorkspaces", effect);
        assert_eq!(lab.provision().await.unwrap_err().kind(), kind);
        assert!(keys(&lab).is_empty());
    }
}

#[tokio::test]
async fn an_answer_without_its_field_is_named_and_its_key_not_left_behind() {
    let lab = lab().await;
    lab.fail_next("createKeys", Effect::MissingField("key".to_owned()));
    let error = lab.provision().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().contains("missing field `key`"), "{error}");
    assert!(keys(&lab).is_empty());
    lab.assert_requests_documented();
}

#[tokio::test]
async fn a_page_full_of_strangers_and_an_empty_one_are_no_trouble() {
    let lab = lab().await;
    lab.provision().await.unwrap();
    lab.fail_next("list", Effect::HugePage(5_000));
    assert_eq!(lab.tool.list(&lab.cx).await.unwrap().len(), 1);
    lab.fail_next("list", Effect::EmptyPage);
    assert!(lab.tool.list(&lab.cx).await.unwrap().is_empty());
    lab.fail_next("listWorkspaces", Effect::EmptyPage);
    assert_eq!(
        lab.tool.list(&lab.cx).await.unwrap().len(),
        1,
        "the default workspace"
    );
}

#[tokio::test]
async fn the_layers_wait_as_long_as_the_vendor_asks() {
    let lab = lab().await;
    lab.fail_next("createKeys", Effect::rate_limited(RetryAfter::Seconds(1)));
    let begun = Instant::now();
    let tool = lab.provision_layered().await.unwrap();
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(1), "{took:?}");
    assert_eq!((keys(&lab).len(), lab.calls("createKeys")), (1, 2));
    assert_eq!(tool.resource.as_str(), keys(&lab)[0].hash);
}

#[tokio::test]
async fn verify_knows_a_good_key_from_a_bad_one() {
    assert!(lab().await.tool.verify(&lab().await.cx).await.is_ok());
    let lab = lab_with(
        Options::default(),
        &[("OPENROUTER_MANAGEMENT_KEY", "sk-wrong")],
    )
    .await;
    let error = lab.tool.verify(&lab.cx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(!error.to_string().contains("sk-wrong"), "{error}");
}

#[test]
fn the_readme_lists_the_settings() {
    readme_lists_the_settings(include_str!("../README.md"), "openrouter");
}

#[tokio::test]
async fn any_answer_of_the_vendor_is_read_or_refused() {
    let vendor = AnyVendor {
        id: "openrouter",
        url: "OPENROUTER_API_URL",
        settings: &[("OPENROUTER_MANAGEMENT_KEY", "or-key-of-the-tests")],
        members: &[
            "data",
            "key",
            "hash",
            "name",
            "label",
            "usage",
            "limit",
            "limit_remaining",
            "total_count",
            "id",
            "created_at",
            "total_credits",
            "total_usage",
            "workspace_id",
        ],
    };
    any_answer_to_a_tool_is_read_or_refused(vendor).await;
}
