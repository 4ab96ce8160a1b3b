//! The proxy in front of an API server.

use std::process::Command;
use std::sync::Arc;

use agent_pool_core::settings::Environment;
use agent_pool_core::{InfraProvider, chain};
use fake_cloud::kubernetes::FakeCluster;
use provider_kubernetes::Kubernetes;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::{Lab, context};

/// A proxy that refuses one request and returns its head.
async fn proxy() -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://user:hunter2@{}", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let mut stream = BufReader::new(listener.accept().await.unwrap().0);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read_until(b'\n', &mut head).await.unwrap(), 0);
        }
        let answer = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        String::from_utf8(head).unwrap()
    });
    (url, asked)
}

/// A provider for a cluster on the internet.
fn public(cluster: &Value, environment: &[(&str, &str)]) -> (TempDir, Arc<dyn InfraProvider>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let config = FakeCluster::kubeconfig("https://cluster.example.com");
    let mut config: Value = serde_json::from_str(&config).unwrap();
    let of_file = config["clusters"][0]["cluster"].as_object_mut().unwrap();
    of_file.extend(cluster.as_object().unwrap().clone());
    std::fs::write(&path, config.to_string()).unwrap();
    let pairs = [
        ("KUBERNETES_IMAGE", "agent:1"),
        ("KUBERNETES_KUBECONFIG", path.to_str().unwrap()),
    ];
    let environment = pairs.iter().chain(environment).copied().collect();
    let infra = Kubernetes::build(&environment).unwrap();
    (folder, infra)
}

#[tokio::test]
async fn a_cluster_on_the_internet_is_reached_through_the_proxy_of_the_environment() {
    let (url, asked) = proxy().await;
    let (_folder, infra) = public(&json!({}), &[("HTTPS_PROXY", &url)]);
    let error = infra.list(&context()).await.unwrap_err();
    let head = asked.await.unwrap();
    assert!(
        head.starts_with("CONNECT cluster.example.com:443 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(
        head.to_lowercase()
            .contains("proxy-authorization: basic dxnlcjpodw50zxiy"),
        "{head}"
    );
    let shown = format!("{error:?} {}", chain(&error));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn the_proxy_of_a_kubeconfig_takes_precedence() {
    let (url, asked) = proxy().await;
    let own = json!({ "proxy-url": url });
    let (_folder, infra) = public(&own, &[("HTTPS_PROXY", "http://127.0.0.1:9")]);
    infra.list(&context()).await.unwrap_err();
    assert!(
        asked
            .await
            .unwrap()
            .starts_with("CONNECT cluster.example.com:443 ")
    );
}

/// The client library reads the environment of the process itself.
#[test]
fn a_cluster_on_this_machine_is_reached_directly() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        "--ignored",
        "proxy::lists_a_cluster_on_this_machine",
    ]);
    let output = command
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "{printed}"
    );
}

#[tokio::test]
#[ignore = "the process that another test of this file starts"]
async fn lists_a_cluster_on_this_machine() {
    let lab = Lab::start(Default::default()).await;
    let mut environment = lab.environment(&[]);
    let proxy = Environment::of_process();
    environment.set("HTTPS_PROXY", proxy.get("HTTPS_PROXY").unwrap());
    let infra = Kubernetes::build(&environment).unwrap();
    assert!(infra.list(&context()).await.unwrap().is_empty());
}
