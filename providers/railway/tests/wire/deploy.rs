//! Tests of variables, deployments, output and credentials.

use agent_pool_core::{EnvVars, ErrorKind, InfraHandle, ProviderError, Redeploy};
use fake_cloud::RailwayDeployment;
use futures_util::future::join_all;

use crate::rig::{IMAGE, Place, Rig, raw, variables};

fn deployed(rig: &Rig) -> Vec<RailwayDeployment> {
    rig.held().deployments
}

#[tokio::test]
async fn configuring_deploys_exactly_once_with_everything_in_place() {
    let rig = Rig::shared().await;
    let handle = rig.created().await;
    let set = variables([("AGENT_NAME", "Ada"), ("POOL_API_KEY", "k")]);
    let before = rig.calls();
    rig.infra
        .configure(&rig.cx, &handle, &set, Redeploy::Yes)
        .await
        .unwrap();
    assert_eq!(rig.calls() - before, 1);
    let deployments = deployed(&rig);
    assert_eq!(deployments.len(), 1);
    assert_eq!(deployments[0].image, IMAGE);
    assert_eq!(deployments[0].variables["AGENT_NAME"], "Ada");
    assert_eq!(
        deployments[0].variables["RAILWAY_VOLUME_MOUNT_PATH"],
        "/data"
    );
    assert!(
        deployments[0]
            .variables
            .contains_key("RAILWAY_PUBLIC_DOMAIN")
    );
}

#[tokio::test]
async fn configuring_again_without_a_change_deploys_again() {
    let rig = Rig::shared().await;
    let handle = rig.created().await;
    for _ in 0..2 {
        let nothing = EnvVars::new();
        rig.infra
            .configure(&rig.cx, &handle, &nothing, Redeploy::Yes)
            .await
            .unwrap();
    }
    assert_eq!(deployed(&rig).len(), 2);
}

#[tokio::test]
async fn without_a_redeploy_the_next_deployment_has_the_variables() {
    let rig = Rig::shared().await;
    let handle = rig.created().await;
    let first = variables([("AGENT_NAME", "Ada"), ("KEPT", "yes")]);
    rig.infra
        .configure(&rig.cx, &handle, &first, Redeploy::Yes)
        .await
        .unwrap();
    let second = variables([("AGENT_NAME", "Grace")]);
    rig.infra
        .configure(&rig.cx, &handle, &second, Redeploy::No)
        .await
        .unwrap();
    assert_eq!(deployed(&rig).len(), 1);

    rig.infra.redeploy(&rig.cx, &handle).await.unwrap();
    let deployments = deployed(&rig);
    assert_eq!(deployments.len(), 2);
    assert_eq!(deployments[1].variables["AGENT_NAME"], "Grace");
    assert_eq!(deployments[1].variables["KEPT"], "yes");
}

#[tokio::test]
async fn variables_that_railway_did_not_take_are_an_error() {
    let rig = Rig::shared().await;
    let handle = rig.created().await;
    let no = serde_json::json!({ "data": { "variableCollectionUpsert": false } });
    rig.fault("variableCollectionUpsert", raw(200, no));
    let set = variables([("AGENT_NAME", "Ada")]);
    let result = rig
        .infra
        .configure(&rig.cx, &handle, &set, Redeploy::No)
        .await;
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn another_image_is_deployed_with_the_variables_that_are_set() {
    let rig = Rig::shared().await;
    let handle = rig.created().await;
    let set = variables([("AGENT_NAME", "Ada")]);
    rig.infra
        .configure(&rig.cx, &handle, &set, Redeploy::Yes)
        .await
        .unwrap();
    rig.infra
        .update_image(&rig.cx, &handle, "acme/runtime:2")
        .await
        .unwrap();
    let deployments = deployed(&rig);
    assert_eq!(deployments.len(), 2);
    assert_eq!(deployments[1].image, "acme/runtime:2");
    assert_eq!(deployments[1].variables["AGENT_NAME"], "Ada");
}

#[tokio::test]
async fn a_handle_with_an_image_runs_that_image() {
    let rig = Rig::shared().await;
    let mut handle = rig.created().await;
    handle.image = Some("acme/runtime@sha256:2".to_owned());
    rig.infra
        .configure(&rig.cx, &handle, &EnvVars::new(), Redeploy::Yes)
        .await
        .unwrap();
    assert_eq!(deployed(&rig)[0].image, "acme/runtime@sha256:2");
}

#[tokio::test]
async fn logs_are_the_last_lines_oldest_first() {
    let rig = Rig::shared().await;
    let handle = rig.created().await;
    assert_eq!(rig.infra.logs(&rig.cx, &handle, 10).await.unwrap(), []);
    rig.infra
        .configure(&rig.cx, &handle, &EnvVars::new(), Redeploy::Yes)
        .await
        .unwrap();
    // Each query advances the deployment by a stage, and each stage is a line.
    for _ in 0..5 {
        rig.infra.list(&rig.cx).await.unwrap();
    }
    let all = rig.infra.logs(&rig.cx, &handle, 100).await.unwrap();
    assert!(
        all.len() > 2 && all.is_sorted_by_key(|line| line.at),
        "{all:?}"
    );
    assert!(all.iter().all(|line| line.at.is_some()));
    let last = rig.infra.logs(&rig.cx, &handle, 2).await.unwrap();
    assert_eq!(last, all[all.len() - 2..]);
}

#[tokio::test]
async fn every_kind_of_token_is_verified_by_a_call_that_it_may_make() {
    let rig = Rig::shared().await;
    let tokens = rig.cloud.options().railway.tokens.clone();
    let project = [
        ("RAILWAY_API_TOKEN", tokens.project.as_str()),
        ("RAILWAY_TOKEN_KIND", "project"),
        ("RAILWAY_PROJECT_ID", ""),
        ("RAILWAY_ENVIRONMENT_ID", ""),
    ];
    let limited = rig.another(Place::Shared, &project).verify(&rig.cx).await;
    let limited = limited.unwrap_err();
    assert_eq!(limited.kind(), ErrorKind::Forbidden);
    assert!(limited.to_string().contains("attach an image"), "{limited}");
    assert_eq!(rig.calls_to("projectToken"), 1);
    for (kind, token) in [
        ("account", &tokens.account),
        ("workspace", &tokens.workspace),
    ] {
        let pairs = [
            ("RAILWAY_API_TOKEN", token.as_str()),
            ("RAILWAY_TOKEN_KIND", kind),
        ];
        rig.another(Place::Shared, &pairs)
            .verify(&rig.cx)
            .await
            .unwrap();
        rig.another(Place::Own, &pairs)
            .verify(&rig.cx)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_wrong_token_and_a_workspace_out_of_reach_are_reported() {
    let rig = Rig::shared().await;
    for kind in ["account", "workspace", "project"] {
        let mut pairs = vec![("RAILWAY_API_TOKEN", "wrong"), ("RAILWAY_TOKEN_KIND", kind)];
        if kind == "project" {
            pairs.extend([("RAILWAY_PROJECT_ID", ""), ("RAILWAY_ENVIRONMENT_ID", "")]);
        }
        let error = rig
            .another(Place::Shared, &pairs)
            .verify(&rig.cx)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{kind}: {error}");
    }
    let elsewhere = rig.another(Place::Own, &[("RAILWAY_WORKSPACE_ID", "elsewhere")]);
    let error = elsewhere.verify(&rig.cx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    for pair in [
        ("RAILWAY_PROJECT_ID", "elsewhere"),
        ("RAILWAY_ENVIRONMENT_ID", "elsewhere"),
    ] {
        let elsewhere = rig.another(Place::Shared, &[pair]);
        let error = elsewhere.verify(&rig.cx).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{pair:?}: {error}");
    }
}

async fn deploy_all(rig: &Rig, handles: &[InfraHandle]) -> Vec<Result<(), ProviderError>> {
    let deploy = |handle| async move {
        let nothing = EnvVars::new();
        let deployed = rig
            .infra
            .configure(&rig.cx, handle, &nothing, Redeploy::Yes);
        rig.checked(deployed.await)
    };
    join_all(handles.iter().map(deploy)).await
}

/// The services that were deployed, one entry per deployment.
fn services(rig: &Rig) -> Vec<String> {
    let deployments = deployed(rig).into_iter();
    let mut services: Vec<_> = deployments.map(|one| one.service_id).collect();
    services.sort();
    services
}

async fn created(rig: &Rig, count: usize) -> Vec<InfraHandle> {
    let mut handles = Vec::new();
    for _ in 0..count {
        handles.push(rig.created().await);
    }
    handles.sort_by_key(|handle| handle.service.to_string());
    handles
}

#[tokio::test]
async fn instances_that_come_at_once_or_wait_for_their_turn_share_a_commit_and_deploy_once_each() {
    let rig = Rig::shared().await;
    // Sixteen share the first commit, the others wait.
    let handles = created(&rig, 19).await;
    for outcome in deploy_all(&rig, &handles).await {
        outcome.unwrap();
    }
    let expected: Vec<_> = handles.iter().map(|one| one.service.to_string()).collect();
    assert_eq!(services(&rig), expected);
    assert_eq!(rig.calls_to("environmentPatchCommit"), 2);
}

#[tokio::test]
async fn an_instance_that_cannot_be_deployed_fails_alone() {
    let rig = Rig::shared().await;
    let handles = created(&rig, 4).await;
    rig.destroy(&handles[2]).await.unwrap();
    let outcomes = deploy_all(&rig, &handles).await;
    let failed: Vec<_> = outcomes.iter().map(Result::is_err).collect();
    assert_eq!(failed, [false, false, true, false]);
    let there = [&handles[0], &handles[1], &handles[3]];
    assert_eq!(services(&rig), there.map(|one| one.service.to_string()));
}
