//! `--infra kubernetes`: the whole system on the fake API server of a cluster whose pods run a runtime.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use fake_cloud::BuiltinRuntime;
use fake_cloud::kubernetes::{ClusterOptions, FakeCluster, Network};
use reqwest::Method;
use tokio::time::{Instant, sleep};

use crate::support::{Harness, Home};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn pods_are_warmed_claimed_and_destroyed_through_pool() {
    let options = ClusterOptions {
        launcher: Some(Arc::new(BuiltinRuntime)),
        ..ClusterOptions::default()
    };
    let token = options.token.clone();
    let cluster = Arc::new(FakeCluster::start(options).await.unwrap());
    let network = Network::start(Arc::clone(&cluster)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("kubeconfig");
    let api = format!("http://{}", cluster.authority());
    fs::write(&config, FakeCluster::kubeconfig(&api)).unwrap();
    let variables = [
        ("KUBERNETES_KUBECONFIG", config.to_str().unwrap()),
        ("KUBERNETES_TOKEN", &token),
        ("KUBERNETES_IMAGE", "registry.example/agent:1"),
        ("HTTP_PROXY", network.url()),
    ];
    let home = Home::new();
    let arguments = ["--infra", "kubernetes", "--min-idle", "2"];
    let arguments = [&arguments[..], &["--claim", "Tulip"]].concat();
    let mut harness = Harness::start_with(&home, &arguments, &variables).await;
    let (invite, _) = harness.invite_of("Tulip").await;

    let status = harness.get("Pool API", "api/pool/status").await;
    let instances = status["instances"].as_array().unwrap();
    let claimed = instances.iter().find(|one| one["agentName"] == "Tulip");
    let id = claimed.unwrap()["id"].as_str().unwrap();
    assert!(invite.contains(id), "the pod's own answer: {invite}");
    let kill = format!("api/pool/instances/{id}");
    assert_eq!(harness.send(Method::DELETE, "Pool API", &kill).await, 200);
    let deadline = Instant::now() + LIMIT;
    while cluster.held().iter().any(|(_, name)| name.contains(id)) {
        assert!(Instant::now() < deadline, "left: {:?}", cluster.held());
        sleep(Duration::from_millis(50)).await;
    }

    assert_eq!(harness.interrupt().await, Vec::<String>::new());
    assert_eq!(cluster.held(), [], "nothing is left in the cluster");
    assert_eq!(cluster.faults(), Vec::<String>::new());
}
