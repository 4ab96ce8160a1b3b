//! Tests of a vendor's faults: the right kind of error, no unneeded call, no leaked secret.

use std::time::Duration;

use agent_pool_core::{
    Context, EnvVars, ErrorKind, InfraHandle, InfraProvider, InstanceId, InstanceSpec,
    ProviderError, Redeploy,
};
use fake_cloud::{Effect, FaultRule, RailwayOptions, RateLimit, RetryAfter, Vendor};

use crate::rig::{Place, Rig, raw};

/// One bad answer, its expected kind of error, and its expected wait.
struct BadDay {
    effect: Effect,
    kind: ErrorKind,
    retry_after: Option<u64>,
}

fn bad(effect: Effect, kind: ErrorKind) -> BadDay {
    BadDay {
        effect,
        kind,
        retry_after: None,
    }
}

impl BadDay {
    fn lasting(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

#[rustfmt::skip]
fn bad_days() -> Vec<BadDay> {
    vec![
        bad(Effect::status(401), ErrorKind::Unauthorized),
        bad(Effect::status(403), ErrorKind::Unauthorized),
        // Answers without a wait pause the provider, at first for a second.
        bad(Effect::html(403), ErrorKind::RateLimited).lasting(1),
        bad(Effect::graphql("Two Factor Authentication Required"), ErrorKind::Forbidden),
        bad(Effect::graphql("Resource provision limit exceeded"), ErrorKind::Forbidden),
        bad(Effect::html(404), ErrorKind::NotFound),
        bad(Effect::status(409), ErrorKind::Conflict),
        bad(Effect::graphql("Volume: operation already in progress"), ErrorKind::Conflict).lasting(3),
        bad(Effect::status(422), ErrorKind::Invalid),
        bad(Effect::graphql("Invalid input"), ErrorKind::Invalid),
        bad(raw(400, r#"{"errors":[{"message":"x","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}"#), ErrorKind::Protocol),
        bad(Effect::rate_limited(RetryAfter::Seconds(7)), ErrorKind::RateLimited).lasting(7),
        bad(raw(429, "slow down"), ErrorKind::RateLimited).lasting(1),
        bad(Effect::graphql("Whoa there pal! Too quickly"), ErrorKind::RateLimited).lasting(3),
        bad(Effect::status(500), ErrorKind::Unavailable),
        bad(Effect::html(502), ErrorKind::Unavailable),
        bad(Effect::status(503), ErrorKind::Unavailable),
        bad(Effect::Cut, ErrorKind::Unavailable),
        bad(Effect::Hang, ErrorKind::Unavailable),
        bad(Effect::graphql("Something nobody has seen"), ErrorKind::Protocol),
        bad(raw(200, "not JSON"), ErrorKind::Protocol),
        bad(raw(200, "{}"), ErrorKind::Protocol),
        bad(raw(200, r#"{"data":null}"#), ErrorKind::Protocol),
        bad(raw(200, r#"{"data":{}}"#), ErrorKind::Protocol),
    ]
}

/// The operations of the trait, each of which starts with a query.
#[derive(Debug, Clone, Copy)]
enum Operation {
    Create,
    Deploy,
    Set,
    Redeploy,
    UpdateImage,
    Destroy,
    List,
    Logs,
    Verify,
}

const ALL: [Operation; 9] = [
    Operation::Create,
    Operation::Deploy,
    Operation::Set,
    Operation::Redeploy,
    Operation::UpdateImage,
    Operation::Destroy,
    Operation::List,
    Operation::Logs,
    Operation::Verify,
];

async fn run(
    infra: &dyn InfraProvider,
    cx: &Context,
    what: Operation,
    handle: &InfraHandle,
) -> Result<(), ProviderError> {
    let nothing = EnvVars::new();
    match what {
        Operation::Create => {
            let spec = InstanceSpec {
                name: "agent".to_owned(),
                ..InstanceSpec::default()
            };
            infra
                .create(cx, &InstanceId::generate(), &spec)
                .await
                .map(drop)
        }
        Operation::Deploy => infra.configure(cx, handle, &nothing, Redeploy::Yes).await,
        Operation::Set => infra.configure(cx, handle, &nothing, Redeploy::No).await,
        Operation::Redeploy => infra.redeploy(cx, handle).await,
        Operation::UpdateImage => infra.update_image(cx, handle, "other").await,
        Operation::Destroy => infra.destroy(cx, handle).await,
        Operation::List => infra.list(cx).await.map(drop),
        Operation::Logs => infra.logs(cx, handle, 1).await.map(drop),
        Operation::Verify => infra.verify(cx).await,
    }
}

#[tokio::test]
async fn each_bad_day_has_its_kind_for_every_operation_and_one_call() {
    let rig = Rig::shared().await;
    let handle = rig.created().await;
    for what in ALL {
        for day in bad_days() {
            // Long enough for a busy machine to send the request that is never answered.
            let patience = if day.effect == Effect::Hang {
                1_000
            } else {
                30_000
            };
            let limit = Duration::from_millis(patience);
            rig.cloud
                .fault(FaultRule::new(Vendor::Railway, day.effect.clone()));
            let before = rig.calls();
            // New layers for each fault, because a pause affects the whole provider.
            let infra = rig.another(Place::Shared, &[]);
            let result = run(&*infra, &rig.cx.within(limit), what, &handle).await;
            let error = rig.checked(result).unwrap_err();
            let case = format!("{what:?} {:?}: {error}", day.effect);
            assert_eq!(error.kind(), day.kind, "{case}");
            assert_eq!(
                error.retry_after().map(|wait| wait.as_secs()),
                day.retry_after,
                "{case}"
            );
            assert_eq!(rig.calls() - before, 1, "{case}");
        }
    }
    rig.destroy(&handle).await.unwrap();
    rig.assert_empty();
}

#[tokio::test]
async fn a_date_to_come_back_is_understood() {
    let rig = Rig::shared().await;
    rig.fault(
        "environment",
        Effect::rate_limited(RetryAfter::DateInSeconds(120)),
    );
    let error = rig.infra.list(&rig.cx).await.unwrap_err();
    let wait = error.retry_after().unwrap();
    assert!((100..=120).contains(&wait.as_secs()), "{wait:?}");
}

#[tokio::test]
async fn a_budget_that_is_used_up_is_a_rate_limit_until_its_window_ends() {
    let rig = Rig::shared().await;
    let hourly = RateLimit {
        requests: 1,
        window_ms: 3_600_000,
    };
    rig.cloud.set_rate_limit(Vendor::Railway, Some(hourly));
    rig.infra.list(&rig.cx).await.unwrap();
    let error = rig.infra.list(&rig.cx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(error.retry_after().is_some_and(|wait| !wait.is_zero()));
}

#[tokio::test]
async fn the_provider_shows_no_key() {
    let rig = Rig::shared().await;
    let shown = format!("{:?} {:#?}", rig.infra, rig.infra);
    assert!(!shown.contains(&rig.cloud.options().railway.tokens.account));
}

#[tokio::test]
async fn a_field_that_is_missing_is_named() {
    for (place, root, fields) in [
        (
            Place::Shared,
            "environment",
            ["serviceName", "volumeId", "pageInfo", "status"].as_slice(),
        ),
        (
            Place::Own,
            "projects",
            ["name", "environments", "serviceInstances", "hasNextPage"].as_slice(),
        ),
    ] {
        let rig = Rig::start(place, RailwayOptions::default()).await;
        let handle = rig.created().await;
        rig.infra
            .configure(&rig.cx, &handle, &EnvVars::new(), Redeploy::Yes)
            .await
            .unwrap();
        for field in fields {
            rig.fault(root, Effect::MissingField((*field).to_owned()));
            let error = rig.infra.list(&rig.cx).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{field}");
            assert!(error.to_string().contains(field), "{error}");
        }
    }
}

#[tokio::test]
async fn a_partial_answer_is_a_failure() {
    let rig = Rig::shared().await;
    rig.created().await;
    rig.fault(
        "environment",
        Effect::NullField("latestDeployment".to_owned()),
    );
    let error = rig.infra.list(&rig.cx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn an_empty_page_is_an_empty_fleet_and_a_huge_one_is_read() {
    let rig = Rig::shared().await;
    let handle = rig.created().await;
    rig.fault("environment", Effect::EmptyPage);
    assert_eq!(rig.infra.list(&rig.cx).await.unwrap(), []);
    rig.fault("environment", Effect::HugePage(5_000));
    let listed = rig.infra.list(&rig.cx).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].handle.service, handle.service);
}

#[tokio::test]
async fn an_answer_that_lacks_what_was_made_leaves_nothing_behind() {
    for (step, field) in [
        ("serviceCreate", "id"),
        ("volumeCreate", "id"),
        ("serviceDomainCreate", "domain"),
    ] {
        let rig = Rig::shared().await;
        let id = InstanceId::generate();
        rig.fault(step, Effect::MissingField(field.to_owned()));
        let error = rig.create(&id).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{step}");
        let handle = rig.create(&id).await.unwrap().handle;
        assert_eq!(rig.held().services.len(), 1);
        rig.destroy(&handle).await.unwrap();
        rig.assert_empty();
    }
}

#[tokio::test]
async fn an_error_names_vendor_operation_and_instance() {
    let rig = Rig::shared().await;
    let id = InstanceId::generate();
    rig.fault("volumeCreate", Effect::html(502));
    let error = rig.create(&id).await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!("railway volumeCreate for instance {id}: unavailable: answered 502: Error")
    );
}

#[tokio::test]
async fn an_error_does_not_repeat_the_value_that_the_vendor_quotes() {
    let rig = Rig::shared().await;
    let handle = rig.created().await;
    let words = "Variable \"$patch\" got invalid value \"sk-secret\"";
    rig.fault("environmentPatchCommit", Effect::graphql(words));
    let nothing = EnvVars::new();
    let result = rig
        .infra
        .configure(&rig.cx, &handle, &nothing, Redeploy::Yes)
        .await;
    let error = result.unwrap_err().to_string();
    assert!(error.ends_with("Variable \"$patch\""), "{error}");
}
