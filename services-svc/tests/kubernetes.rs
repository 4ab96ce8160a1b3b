//! Tests of the real binary with `INFRA_PROVIDER=kubernetes`, on the fake API server of a cluster whose pods run a
//! runtime: created, healthy, configured, redeployed, destroyed.

#![cfg(all(test, feature = "kubernetes"))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::InstanceId;
use agent_pool_service_kit::testing::fresh_database;
use fake_cloud::BuiltinRuntime;
use fake_cloud::kubernetes::{ClusterOptions, FakeCluster, Network};
use reqwest::Method;
use serde_json::{Value, json};
use services_svc::MIGRATIONS;
use tokio::time::{Instant, sleep};

const KEY: &str = "a-key-of-16-characters";
const LIMIT: Duration = Duration::from_secs(60);

struct World {
    services: Child,
    url: String,
    cluster: Arc<FakeCluster>,
    client: reqwest::Client,
    _network: Network,
    _folder: tempfile::TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.services.kill();
        let _ = self.services.wait();
    }
}

impl World {
    async fn start() -> Self {
        let database = fresh_database(MIGRATIONS, "kubernetes").await;
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
        std::fs::write(&config, FakeCluster::kubeconfig(&api)).unwrap();
        let mut services = Command::new(env!("CARGO_BIN_EXE_services-svc"))
            .env_clear()
            .envs([
                ("PORT", "0"),
                ("POOL_API_KEY", KEY),
                ("SERVICES_DATABASE_URL", database.url().as_secret().expose()),
                ("INFRA_PROVIDER", "kubernetes"),
                ("KUBERNETES_KUBECONFIG", config.to_str().unwrap()),
                ("KUBERNETES_TOKEN", &token),
                ("KUBERNETES_IMAGE", "registry.example/agent:1"),
                ("HTTP_PROXY", network.url()),
            ])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = services.stdout.take().unwrap();
        let line = tokio::task::spawn_blocking(move || BufReader::new(stdout).lines().next());
        let line = line.await.unwrap().unwrap().unwrap();
        Self {
            services,
            url: line.strip_prefix("listening on ").unwrap().to_owned(),
            cluster,
            client: agent_pool_core::http::bare_builder()
                .no_proxy()
                .build()
                .unwrap(),
            _network: network,
            _folder: folder,
        }
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Value {
        let request = self.client.request(method, format!("{}/{path}", self.url));
        let response = request.bearer_auth(KEY).json(body).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Waits until the status batch calls the instance healthy.
    async fn healthy(&self, id: &InstanceId) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let asked = json!({ "instanceIds": [id] });
            let batch = self.send(Method::POST, "status/batch", &asked).await;
            let batch = batch.to_string();
            if batch.contains("\"SUCCESS\"") && batch.contains("\"healthy\":true") {
                return;
            }
            assert!(Instant::now() < deadline, "{batch}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn an_instance_lives_and_ends_on_a_cluster() {
    let world = World::start().await;
    let id = InstanceId::generate();
    let order = json!({ "instanceId": id, "name": "convos-agent-test", "tools": [] });
    let created = world.send(Method::POST, "create-instance", &order).await;
    let url = created["url"].as_str().unwrap();
    assert!(url.contains(".agents.svc:8080"), "{url}");
    world.healthy(&id).await;

    // A claim configures it like this, and an operator deploys it again.
    let order = json!({ "variables": { "AGENT_NAME": "Tulip $HOME" } });
    world
        .send(Method::POST, &format!("configure/{id}"), &order)
        .await;
    assert_eq!(world.cluster.runs().len(), 1, "a claim restarts nothing");
    world
        .send(Method::POST, &format!("redeploy/{id}"), &json!({}))
        .await;
    let deadline = Instant::now() + LIMIT;
    while world.cluster.runs().len() < 2 {
        assert!(Instant::now() < deadline, "it is not deployed again");
        sleep(Duration::from_millis(20)).await;
    }
    let last = world.cluster.runs().pop().unwrap();
    assert_eq!(last.variables["AGENT_NAME"], "Tulip $HOME");
    world.healthy(&id).await;

    world
        .send(Method::DELETE, &format!("destroy/{id}"), &json!({}))
        .await;
    assert_eq!(world.cluster.held(), [], "nothing of it is left");
    assert_eq!(world.cluster.faults(), Vec::<String>::new());
}
