//! Tests of the requests to AgentMail, and of the handling of its answers and failures.

use agent_pool_core::{Attempt, ErrorKind, InstanceId, ToolOptions};
use fake_cloud::{AfterDelete, AgentMailState, Body, Effect, Options, Vendor};
use provider_agentmail as _;
use provider_test_kit::{
    AnyVendor, Lab, any_answer_to_a_tool_is_read_or_refused, on_bad_days,
    readme_lists_the_settings, registration,
};
use serde_json::json;

async fn lab_with(options: Options, settings: &[(&str, &str)]) -> Lab {
    Lab::start(Vendor::AgentMail, options, settings).await
}

async fn lab() -> Lab {
    lab_with(Options::default(), &[]).await
}

fn held(lab: &Lab) -> AgentMailState {
    lab.cloud.state().agentmail
}

/// An error answer with a code of the vendor.
fn refusal(status: u16, code: &str) -> Effect {
    Effect::Status {
        status,
        body: Body::Vendor,
        code: Some(code.to_owned()),
        message: None,
        fields: Vec::new(),
        retry_after: None,
    }
}

#[tokio::test]
async fn a_mailbox_comes_with_a_key_that_reaches_it_alone() {
    let lab = lab().await;
    let tool = lab.provision().await.unwrap();
    let (inbox, key) = (held(&lab).inboxes.remove(0), held(&lab).api_keys.remove(0));
    let label = lab.cx.mark().label(&lab.instance);
    assert_eq!(inbox.inbox_id, format!("{label}@agentmail.to"));
    assert_eq!(inbox.client_id, Some(label));
    assert_eq!(tool.resource.as_str(), inbox.inbox_id);
    assert_eq!(
        tool.env.get("AGENTMAIL_INBOX_ID").unwrap().expose(),
        inbox.inbox_id
    );
    assert_eq!(
        tool.env.get("AGENTMAIL_API_KEY").unwrap().expose(),
        key.api_key
    );
    assert_eq!(key.inbox_id, inbox.inbox_id);
    assert_eq!(lab.calls_in_all(), 3);
    lab.assert_requests_documented();
}

#[tokio::test]
async fn a_wrong_key_is_unauthorized_although_the_gateway_says_403() {
    let lab = lab_with(Options::default(), &[("AGENTMAIL_API_KEY", "am_wrong")]).await;
    let error = lab.provision().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
    let right = Lab::start(Vendor::AgentMail, Options::default(), &[]).await;
    right.fail_next("inboxes_create", refusal(403, "missing_permission"));
    let error = right.provision().await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Forbidden,
        "a 403 with a code is a permission"
    );
}

#[tokio::test]
async fn an_instances_key_has_only_the_permissions_that_an_agent_needs() {
    let lab = lab().await;
    lab.provision().await.unwrap();
    let permissions = held(&lab).api_keys.remove(0).permissions.unwrap();
    for name in ["inbox_read", "message_read", "message_send"] {
        assert_eq!(permissions.get(name), Some(&true), "{name}");
    }
    for name in [
        "inbox_delete",
        "api_key_create",
        "webhook_create",
        "message_delete",
    ] {
        assert_eq!(permissions.get(name), None, "{name}");
    }
    lab.assert_requests_documented();
    let lab = lab_with(
        Options::default(),
        &[("AGENTMAIL_KEY_PERMISSIONS", "message_read, inbox_read")],
    )
    .await;
    lab.provision().await.unwrap();
    let permissions = held(&lab).api_keys.remove(0).permissions.unwrap();
    assert_eq!(
        permissions.keys().collect::<Vec<_>>(),
        ["inbox_read", "message_read"]
    );
}

#[tokio::test]
async fn inboxes_are_created_and_listed_in_the_configured_pod() {
    let mut options = Options::default();
    options.agentmail.pods = vec!["pod-1".into()];
    let lab = lab_with(options, &[("AGENTMAIL_POD_ID", "pod-1")]).await;
    let tool = lab.provision().await.unwrap();
    assert_eq!(held(&lab).inboxes[0].pod_id, "pod-1");
    assert_eq!(lab.tool.list(&lab.cx).await.unwrap().len(), 1);
    lab.destroy(&tool).await.unwrap();
    assert!(held(&lab).inboxes.is_empty());
    lab.assert_requests_documented();
}

#[tokio::test]
async fn one_webhook_serves_all_inboxes() {
    let url = "https://hooks.example/mail?x=1";
    let mut lab = lab_with(Options::default(), &[("AGENTMAIL_WEBHOOK_URL", url)]).await;
    for _ in 0..2 {
        lab.instance = InstanceId::generate();
        lab.provision().await.unwrap();
    }
    let webhooks = held(&lab).webhooks;
    assert_eq!((webhooks.len(), webhooks[0].url.as_str()), (1, url));
    assert_eq!(
        webhooks[0].client_id.as_deref(),
        Some("ap-dev-webhook-https___hooks.example_mail_x_1")
    );
    lab.assert_requests_documented();
}

#[tokio::test]
async fn a_first_attempt_looks_for_no_key() {
    let mut lab = lab().await;
    lab.cx = lab.cx.with_attempt(Attempt::First);
    lab.provision().await.unwrap();
    assert_eq!(lab.calls("inboxes_apiKeys_list"), 0);
}

#[tokio::test]
async fn a_foreign_inbox_of_an_unknown_form_does_not_fail_the_list() {
    let lab = lab().await;
    let foreign = json!({ "inbox_id": null, "client_id": 7, "created_at": null });
    lab.cloud.add_foreign(Vendor::AgentMail, foreign);
    lab.provision().await.unwrap();
    assert_eq!(lab.tool.list(&lab.cx).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_domain_and_the_name_for_people_can_be_set() {
    let mut options = Options::default();
    options.agentmail.domains = vec!["bots.example".into()];
    let lab = lab_with(options, &[("AGENTMAIL_DOMAIN", "bots.example")]).await;
    let asked = ToolOptions::from_iter([("displayName".to_owned(), "Ada".into())]);
    let tool = lab
        .tool
        .provision(&lab.cx, &lab.instance, &asked)
        .await
        .unwrap();
    assert!(tool.resource.as_str().ends_with("@bots.example"));
    assert_eq!(held(&lab).inboxes[0].display_name.as_deref(), Some("Ada"));
    lab.assert_requests_documented();
}

#[tokio::test]
async fn a_domain_that_is_not_ours_is_invalid() {
    let mut options = Options::default();
    options.agentmail.unverified_domains = vec!["new.example".into()];
    for (domain, says) in [
        ("new.example", "not verified"),
        ("strange.example", "organization's"),
    ] {
        let lab = lab_with(options.clone(), &[("AGENTMAIL_DOMAIN", domain)]).await;
        let error = lab.provision().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[tokio::test]
async fn provisioned_again_the_mailbox_stays_and_the_key_is_new() {
    let lab = lab().await;
    let first = lab.provision().await.unwrap();
    let second = lab.provision().await.unwrap();
    assert_eq!(first.resource, second.resource);
    assert_ne!(first.env, second.env);
    assert_eq!(
        (held(&lab).inboxes.len(), held(&lab).api_keys.len()),
        (1, 1)
    );
    lab.assert_requests_documented();
}

#[tokio::test]
async fn a_lost_answer_costs_neither_a_mailbox_nor_a_key() {
    for step in ["inboxes_create", "inboxes_apiKeys_create"] {
        let lab = lab().await;
        lab.provision().await.unwrap();
        for step in [step, "inboxes_apiKeys_delete"] {
            lab.lose_next_answer(step);
        }
        let tool = lab.provision_layered().await.unwrap();
        let key = tool
            .env
            .get("AGENTMAIL_API_KEY")
            .unwrap()
            .expose()
            .to_owned();
        assert_eq!(held(&lab).inboxes.len(), 1, "{step}");
        assert_eq!(
            held(&lab)
                .api_keys
                .into_iter()
                .map(|key| key.api_key)
                .collect::<Vec<_>>(),
            [key]
        );
        lab.assert_requests_documented();
    }
}

#[tokio::test]
async fn a_client_id_that_leads_to_a_deleted_mailbox_is_a_conflict() {
    for after_delete in [AfterDelete::Replay, AfterDelete::Conflict] {
        let mut options = Options::default();
        options.agentmail.after_delete = after_delete;
        let lab = lab_with(options, &[]).await;
        let tool = lab.provision().await.unwrap();
        lab.destroy(&tool).await.unwrap();
        let error = lab.provision().await.unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::Conflict,
            "{after_delete:?}: {error}"
        );
    }
}

#[tokio::test]
async fn a_mailbox_that_is_not_known_everywhere_yet_is_waited_for() {
    let lab = lab().await;
    lab.fail_next("inboxes_apiKeys_list", Effect::status(404));
    let tool = lab.provision_layered().await;
    assert!(tool.is_ok());
    assert_eq!(held(&lab).inboxes.len(), 1);
}

#[tokio::test]
async fn destroying_twice_or_the_unknown_is_a_success() {
    let lab = lab().await;
    let tool = lab.provision().await.unwrap();
    lab.destroy(&tool).await.unwrap();
    assert_eq!(held(&lab), AgentMailState::default());
    lab.destroy(&tool).await.unwrap();
    lab.destroy_resource("no%such@x.y").await.unwrap();
    lab.assert_requests_documented();
}

#[tokio::test]
async fn a_mailbox_that_is_being_deleted_counts_as_destroyed() {
    let lab = lab().await;
    let tool = lab.provision().await.unwrap();
    lab.fail_next("inboxes_delete", refusal(409, "resource_deleting"));
    lab.destroy(&tool).await.unwrap();
    lab.fail_next("inboxes_create", refusal(409, "resource_deleting"));
    let error = lab.provision().await.unwrap_err();
    assert!(
        error.kind() == ErrorKind::Conflict && error.is_transient(),
        "{error}"
    );
}

#[tokio::test]
async fn a_restricted_key_does_not_confirm_that_a_resource_is_absent() {
    let lab = lab().await;
    lab.provision().await.unwrap();
    let scoped = held(&lab).api_keys[0].api_key.clone();
    let mut environment = agent_pool_core::settings::Environment::default();
    environment.set("AGENTMAIL_API_KEY", scoped);
    environment.set("AGENTMAIL_API_URL", lab.cloud.agentmail_url());
    let narrow = (registration("agentmail").build)(&environment).unwrap();
    lab.fail_next("inboxes_delete", Effect::status(404));
    let gone = narrow
        .destroy(
            &lab.cx,
            &lab.instance,
            &"gone@agentmail.to".parse().unwrap(),
        )
        .await;
    let error = gone.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(
        error.to_string().contains("limited to one inbox"),
        "{error}"
    );
    assert_eq!(
        narrow.verify(&lab.cx).await.unwrap_err().kind(),
        ErrorKind::Forbidden
    );
    assert!(lab.tool.verify(&lab.cx).await.is_ok());
}

#[tokio::test]
async fn address_quota_and_permission_are_told_apart_by_code() {
    for (status, code, kind, transient) in [
        (403, "missing_permission", ErrorKind::Forbidden, false),
        (403, "limit_exceeded", ErrorKind::Forbidden, false),
        (403, "resource_taken", ErrorKind::Conflict, false),
        (409, "already_exists", ErrorKind::Conflict, false),
        (403, "domain_not_verified", ErrorKind::Invalid, false),
        (409, "race_condition", ErrorKind::Conflict, true),
    ] {
        let lab = lab().await;
        lab.fail_next("inboxes_create", refusal(status, code));
        let error = lab.provision().await.unwrap_err();
        assert_eq!(
            (error.kind(), error.is_transient()),
            (kind, transient),
            "{code}"
        );
        assert_eq!(lab.calls_in_all(), 1);
    }
}

#[tokio::test]
async fn the_plans_number_of_mailboxes_is_a_quota_and_not_tried_again() {
    let mut options = Options::default();
    options.agentmail.inbox_limit = 0;
    let lab = lab_with(options, &[]).await;
    let error = lab.provision_layered().await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(lab.calls("inboxes_create"), 1);
}

#[tokio::test]
async fn the_list_walks_all_pages() {
    let mut options = Options::default();
    options.agentmail.page_size = 2;
    let mut lab = lab_with(options, &[]).await;
    for _ in 0..5 {
        lab.instance = InstanceId::generate();
        lab.provision().await.unwrap();
    }
    let listed = lab.tool.list(&lab.cx).await.unwrap();
    assert_eq!(listed.len(), 5);
    assert!(listed.iter().all(|inbox| inbox.created_at.is_some()));
    assert_eq!(lab.calls("inboxes_list"), 3);
    lab.fail_next("inboxes_list", Effect::HugePage(5_000));
    assert_eq!(lab.tool.list(&lab.cx).await.unwrap().len(), 5);
    lab.assert_requests_documented();
}

#[tokio::test]
async fn a_bad_day_at_any_step_has_its_error_and_leaves_nothing_behind() {
    let steps = &[
        "inboxes_create",
        "inboxes_apiKeys_list",
        "inboxes_apiKeys_create",
    ];
    on_bad_days(lab, steps, "inboxes_delete", |cloud| {
        cloud
            .agentmail
            .inboxes
            .len()
            .max(cloud.agentmail.api_keys.len())
    })
    .await;
}

#[tokio::test]
async fn an_answer_without_its_field_is_named() {
    let lab = lab().await;
    lab.fail_next(
        "inboxes_create",
        Effect::MissingField("inbox_id".to_owned()),
    );
    let error = lab.provision().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(
        error.to_string().contains("missing field `inbox_id`"),
        "{error}"
    );
    let tool = lab.provision().await.unwrap();
    assert_eq!(held(&lab).inboxes.len(), 1);
    lab.destroy(&tool).await.unwrap();
}

#[test]
fn the_readme_lists_the_settings() {
    readme_lists_the_settings(include_str!("../README.md"), "agentmail");
}

#[tokio::test]
async fn any_answer_of_the_vendor_is_read_or_refused() {
    let vendor = AnyVendor {
        id: "agentmail",
        url: "AGENTMAIL_API_URL",
        settings: &[("AGENTMAIL_API_KEY", "am-key-of-the-tests")],
        members: &[
            "inboxes",
            "inbox_id",
            "client_id",
            "created_at",
            "api_keys",
            "api_key",
            "api_key_id",
            "next_page_token",
            "name",
            "display_name",
            "scope_type",
        ],
    };
    any_answer_to_a_tool_is_read_or_refused(vendor).await;
}
