//! Tests of a faulty environment: each error says what to do.

use std::time::Duration;

use agent_pool_core::settings::Environment;
use agent_pool_core::{ErrorKind, InstanceId, Redeploy};
use fake_cloud::kubernetes::FakeCluster;
use futures_util::future::join_all;
use provider_kubernetes::Kubernetes;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Lab, context, spec, vars};

#[tokio::test]
async fn without_a_cluster_the_setting_is_named() {
    let pairs = [("KUBERNETES_IMAGE", "agent:1")];
    let error = Kubernetes::build(&Environment::from_iter(pairs))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("KUBERNETES_KUBECONFIG is not set"),
        "{error}"
    );
    let pairs = [
        ("KUBERNETES_IMAGE", "agent:1"),
        ("KUBERNETES_KUBECONFIG", "/nowhere/config"),
    ];
    let error = Kubernetes::build(&Environment::from_iter(pairs))
        .unwrap_err()
        .to_string();
    assert!(error.contains("/nowhere/config"), "{error}");
}

#[tokio::test]
async fn a_wrong_context_is_named_with_those_that_there_are() {
    let lab = Lab::start(Default::default()).await;
    let error = lab.build(&[("CONTEXT", "prod")]).unwrap_err().to_string();
    assert!(
        error.contains("\"prod\"") && error.ends_with("fake"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let world = Lab::world(&[]).await;
    let proxy = world.lab.proxy.url().unwrap();
    drop(world.lab.proxy);
    let error = world.infra.list(&world.cx).await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Unavailable,
        "so that nothing counts as gone"
    );
    assert!(error.to_string().contains(&proxy), "{error}");
}

#[tokio::test]
async fn a_missing_namespace_is_named() {
    let world = Lab::world(&[("NAMESPACE", "agnets")]).await;
    let created = world
        .infra
        .create(&world.cx, &InstanceId::generate(), &spec())
        .await;
    let error = created.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("no namespace agnets"), "{error}");
}

#[tokio::test]
async fn a_stateful_set_of_somebody_else_is_left_alone() {
    let world = Lab::world(&[]).await;
    let id = InstanceId::generate();
    let name = context().mark().label(&id);
    let foreign = json!({ "metadata": { "name": name }, "spec": { "replicas": 3 } });
    world.lab.cluster.add("statefulsets", foreign);
    let error = world
        .infra
        .create(&world.cx, &id, &spec())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains(&name), "{error}");
    let handle = agent_pool_core::InfraHandle::new(id, name.parse().unwrap());
    world.infra.destroy(&world.cx, &handle).await.unwrap();
    assert_eq!(
        world.lab.cluster.objects("statefulsets")[0]["spec"]["replicas"],
        3
    );
}

#[tokio::test]
async fn an_instance_that_is_gone_is_not_found() {
    let world = Lab::world(&[]).await;
    let created = world.create().await;
    world.destroy(&created).await.unwrap();
    let configured = world
        .infra
        .configure(&world.cx, &created.handle, &vars(&[]), Redeploy::Yes)
        .await;
    assert_eq!(configured.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_secret_that_somebody_deleted_fails_its_instance_by_name() {
    let world = Lab::world(&[]).await;
    let created = world.create().await;
    world
        .lab
        .cluster
        .remove("secrets", created.handle.service.as_str());
    let configured = world
        .infra
        .configure(
            &world.cx,
            &created.handle,
            &vars(&[("A", "1")]),
            Redeploy::No,
        )
        .await;
    let error = configured.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("secrets"), "{error}");
}

/// Of concurrent deployments that read the same state, one succeeds: the others would undo its change, such as the
/// image.
#[tokio::test]
async fn deployments_at_once_are_conflicts_that_pass() {
    let world = Lab::world(&[]).await;
    let created = world.create().await;
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut conflicts = 0;
    while conflicts == 0 {
        let redeploys = (0..8).map(|_| world.infra.redeploy(&world.cx, &created.handle));
        let results = join_all(redeploys).await;
        assert!(results.iter().any(Result::is_ok), "{results:?}");
        for error in results.into_iter().filter_map(Result::err) {
            assert_eq!(error.kind(), ErrorKind::Conflict);
            assert!(error.is_transient(), "{error}");
            conflicts += 1;
        }
        assert!(
            Instant::now() < deadline,
            "every deployment overwrote the others"
        );
    }
}

#[tokio::test]
async fn a_kubeconfig_that_cannot_be_read_is_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    std::fs::write(
        &path,
        "users:\n- name: a\n  user: { token: s3cret-token, }}\n",
    )
    .unwrap();
    let pairs = [
        ("KUBERNETES_IMAGE", "agent:1"),
        ("KUBERNETES_KUBECONFIG", path.to_str().unwrap()),
    ];
    let error = Kubernetes::build(&Environment::from_iter(pairs)).unwrap_err();
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
    assert!(
        !format!("{error} {error:?}").contains("s3cret-token"),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_an_exec_plugin_prints_is_in_no_error() {
    let lab = Lab::start(Default::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let config = FakeCluster::kubeconfig(&lab.proxy.url().unwrap());
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["users"][0]["user"] = json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never",
        "command": "sh", "args": ["-c", "echo s3cret-token; exit 1"],
    } });
    std::fs::write(&path, config.to_string()).unwrap();
    let pairs = [
        ("KUBERNETES_IMAGE", "agent:1"),
        ("KUBERNETES_KUBECONFIG", path.to_str().unwrap()),
    ];
    let infra = Kubernetes::build(&Environment::from_iter(pairs)).unwrap();
    let error = infra.list(&context()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    let shown = format!("{error:?} {}", agent_pool_core::chain(&error));
    assert!(
        !shown.contains("s3cret-token") && shown.contains("exec plugin"),
        "{shown}"
    );
}
