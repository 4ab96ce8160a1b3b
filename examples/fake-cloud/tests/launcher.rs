//! Containers: the input of a launcher, and how the edge uses its result.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not know as such"
)]

mod common;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use common::{Api, start};
use fake_cloud::{BuiltinRuntime, Container, Launcher, Options, Pace, Running};
use reqwest::Method;
use serde_json::{Value, json};

/// Records its input; refuses the image `bad`.
#[derive(Debug, Default)]
struct Noting(Mutex<Vec<Container>>);

#[async_trait]
impl Launcher for Noting {
    async fn launch(&self, container: Container) -> io::Result<Box<dyn Running>> {
        self.0.lock().unwrap().push(container.clone());
        if container.image == "bad" {
            return Err(io::Error::other("no such image"));
        }
        BuiltinRuntime.launch(container).await
    }
}

async fn with_domain(api: &Api, name: &str) -> (String, String) {
    let service = api.create_service(name).await;
    let domain = "mutation($s: String!, $e: String!) {
        serviceDomainCreate(input: {serviceId: $s, environmentId: $e}) { domain } }";
    let ids = json!({"s": service, "e": api.cloud.railway_environment_id()});
    let data = api.railway(domain, ids).await;
    let url = data["serviceDomainCreate"]["domain"]
        .as_str()
        .unwrap()
        .to_owned();
    (service, url)
}

/// The status, or 0 for a connection that was cut.
async fn health(api: &Api, url: &str, key: &str) -> u16 {
    let path = format!("{url}/pool/health");
    let answer = api.try_send(Method::GET, path, key, None).await;
    answer.map_or(0, |answer| answer.status().as_u16())
}

/// Waits, with a deadline, until the health answer has this status.
async fn wait_for(api: &Api, url: &str, status: u16) {
    let reached = async {
        while health(api, url, "k").await != status {
            tokio::task::yield_now().await;
        }
    };
    let reached = tokio::time::timeout(Duration::from_secs(10), reached).await;
    assert!(reached.is_ok(), "never {status}");
}

#[tokio::test]
async fn a_launcher_gets_the_deployment_and_its_refusal_is_a_crash() {
    let launcher = Arc::new(Noting::default());
    let mut options = Options {
        launcher: Arc::clone(&launcher) as _,
        ..Options::default()
    };
    options.railway.stage_pace = Pace::AT_ONCE;
    let api = start(options).await;
    let (service, url) = with_domain(&api, "one").await;
    let block = |image: &str| {
        json!({"source": {"image": image}, "deploy": {"startCommand": "run"},
        "variables": {"POOL_API_KEY": {"value": "k"}}})
    };
    api.patch(&service, block("good")).await;
    assert_eq!(health(&api, &url, "k").await, 200);
    api.patch(&service, block("bad")).await;
    assert_eq!(
        api.instance(&service).await["latestDeployment"]["status"],
        "CRASHED"
    );
    assert_eq!(
        health(&api, &url, "k").await,
        200,
        "the old container still serves"
    );
    let first = launcher.0.lock().unwrap()[0].clone();
    assert_eq!(
        (first.service_name.as_str(), first.start_command.as_deref()),
        ("one", Some("run"))
    );
    assert_eq!(
        format!("http://{}", first.variables["RAILWAY_PUBLIC_DOMAIN"]),
        url
    );
}

#[tokio::test]
async fn deployments_progress_without_reads() {
    let mut options = Options::default();
    options.railway.stage_pace = Pace::Millis(1);
    let api = start(options).await;
    let (service, url) = with_domain(&api, "one").await;
    let block = json!({"source": {"image": "i"}, "variables": {"POOL_API_KEY": {"value": "k"}}});
    api.patch(&service, block).await;
    wait_for(&api, &url, 200).await;
    assert_eq!(health(&api, &url, "wrong").await, 401);
    api.cloud.crash_service("one");
    wait_for(&api, &url, 502).await;
    assert_eq!(
        api.instance(&service).await["latestDeployment"]["status"],
        "CRASHED"
    );
}

#[tokio::test]
async fn the_builtin_runtime_provisions_as_its_contract_says() {
    let mut options = Options::default();
    options.railway.stage_pace = Pace::AT_ONCE;
    let api = start(options).await;
    let (service, url) = with_domain(&api, "one").await;
    let block = json!({"source": {"image": "i"}, "variables": {"POOL_API_KEY": {"value": "k"}}});
    api.patch(&service, block).await;
    let join = "https://example.org/v2?i=abc";
    for (body, status, joined) in [
        (
            json!({"agentName": "A", "instructions": "B"}),
            200,
            json!(false),
        ),
        (
            json!({"agentName": "A", "instructions": "B", "joinUrl": join}),
            200,
            json!(true),
        ),
        (
            json!({"agentName": "A", "instructions": ""}),
            400,
            Value::Null,
        ),
        (
            json!({"agentName": 1, "instructions": "B"}),
            400,
            Value::Null,
        ),
        (json!({}), 400, Value::Null),
    ] {
        let url = format!("{url}/pool/provision");
        let answer = api.send(Method::POST, url, "k", Some(body.clone())).await;
        assert_eq!(answer.status().as_u16(), status, "{body}");
        assert_eq!(
            answer.json::<Value>().await.unwrap()["joined"],
            joined,
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_second_volume_breaks_deployments_and_a_service_leaves_its_volumes() {
    let mut options = Options::default();
    options.railway.stage_pace = Pace::AT_ONCE;
    let api = start(options).await;
    let service = api.create_service("one").await;
    let volume = "mutation($i: VolumeCreateInput!) { volumeCreate(input: $i) { id } }";
    for path in ["/data", "/more"] {
        let input = json!({"projectId": api.cloud.railway_project_id(), "serviceId": service,
            "environmentId": api.cloud.railway_environment_id(), "mountPath": path});
        api.railway(volume, json!({"i": input})).await;
    }
    api.patch(&service, json!({"source": {"image": "i"}})).await;
    assert_eq!(
        api.instance(&service).await["latestDeployment"]["status"],
        "FAILED"
    );
    api.railway(
        "mutation($s: String!) { serviceDelete(id: $s) }",
        json!({"s": service}),
    )
    .await;
    let state = api.cloud.state().railway;
    assert_eq!(state.live_volumes(), 2);
    assert!(
        state
            .volumes
            .iter()
            .all(|volume| volume.service_ids.is_empty())
    );
}
