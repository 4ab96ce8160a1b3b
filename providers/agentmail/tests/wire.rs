//! What AgentMail is asked, and what comes of its bad days.

use agent_pool_core::{ErrorKind, InstanceId, ToolOptions};
use fake_cloud::{AfterDelete, AgentMailState, Body, Effect, Options, Vendor};
use provider_agentmail as _;
use provider_test_kit::{Lab, on_bad_days, readme_lists_the_settings, registration};

async fn lab_with(options: Options, settings: &[(&str, &str)]) -> Lab {
    Lab::start(Vendor::AgentMail, options, settings).await
}

async fn lab() -> Lab {
    lab_with(Options::default(), &[]).await
}

fn held(lab: &Lab) -> AgentMailState {
    lab.cloud.state().agentmail
}

/// An error answer with a code of the vendor's.
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
    lab.finish();
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
    lab.finish();
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
    lab.finish();
}

#[tokio::test]
async fn a_lost_answer_costs_neither_a_mailbox_nor_a_key() {
    for step in ["inboxes_create", "inboxes_apiKeys_create"] {
        let lab = lab().await;
        lab.provision().await.unwrap();
        for step in [step, "inboxes_apiKeys_delete"] {
            lab.loses_answer(step);
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
        lab.finish();
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
    lab.fails("inboxes_apiKeys_list", Effect::status(404));
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
    lab.finish();
}

#[tokio::test]
async fn a_mailbox_that_is_being_deleted_counts_as_destroyed() {
    let lab = lab().await;
    let tool = lab.provision().await.unwrap();
    lab.fails("inboxes_delete", refusal(409, "resource_deleting"));
    lab.destroy(&tool).await.unwrap();
    lab.fails("inboxes_create", refusal(409, "resource_deleting"));
    let error = lab.provision().await.unwrap_err();
    assert!(
        error.kind() == ErrorKind::Conflict && error.is_transient(),
        "{error}"
    );
}

#[tokio::test]
async fn a_key_that_does_not_see_everything_destroys_nothing_by_hearsay() {
    let lab = lab().await;
    lab.provision().await.unwrap();
    let scoped = held(&lab).api_keys[0].api_key.clone();
    let mut environment = agent_pool_core::settings::Environment::default();
    environment.set("AGENTMAIL_API_KEY", scoped);
    environment.set("AGENTMAIL_API_URL", lab.cloud.agentmail_url());
    let narrow = (registration("agentmail").build)(&environment).unwrap();
    lab.fails("inboxes_delete", Effect::status(404));
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
        lab.fails("inboxes_create", refusal(status, code));
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
    lab.fails("inboxes_list", Effect::HugePage(5_000));
    assert_eq!(lab.tool.list(&lab.cx).await.unwrap().len(), 5);
    lab.finish();
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
    lab.fails(
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
