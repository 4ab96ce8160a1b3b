//! Tests of the proxy in front of a real engine, over TCP and over a unix socket.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not know as such"
)]

use std::time::Duration;

use agent_pool_core::InstanceId;
use agent_pool_core::conformance::{
    FakeRequest, FakeResponse, FakeServer, FakeVendor, Fault, Held, Proxy, RetryAfter,
};
use agent_pool_core::http::client;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener, UnixStream};

/// Counts the created resources.
#[derive(Default)]
struct Engine {
    created: usize,
}

impl FakeVendor for Engine {
    fn settings(&self, _: &str) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn respond(&mut self, request: &FakeRequest) -> Option<FakeResponse> {
        if request.method() == "POST" {
            self.created += 1;
        }
        Some(FakeResponse::json(
            200,
            &json!({ "asked": request.to_string() }),
        ))
    }

    fn held(&self) -> Vec<Held> {
        Vec::new()
    }
}

async fn engine() -> (FakeServer<Engine>, Proxy) {
    let engine = FakeServer::start("engine", Engine::default()).await;
    let address = engine.url().trim_start_matches("http://").to_owned();
    let proxy = Proxy::before_address(address).await.unwrap();
    (engine, proxy)
}

async fn post(proxy: &Proxy, path: &str) -> reqwest::Result<reqwest::Response> {
    let url = format!("{}{path}", proxy.url().unwrap());
    let request = client().unwrap().post(url);
    request
        .timeout(Duration::from_secs(30))
        .body("{}")
        .send()
        .await
}

#[tokio::test]
async fn without_a_fault_it_forwards() {
    let (engine, proxy) = engine().await;
    let response = post(&proxy, "/v1/containers/create?name=x").await.unwrap();
    let text = response.text().await.unwrap();
    assert_eq!(text, r#"{"asked":"POST /v1/containers/create?name=x"}"#);
    proxy.settle().await;
    assert_eq!(engine.vendor().created, 1);
}

#[tokio::test]
async fn a_lost_answer_has_its_effect_once() {
    let (engine, proxy) = engine().await;
    proxy.fault(Fault::LostAnswer("POST /containers/create"));
    assert!(
        post(&proxy, "/v1/volumes/create").await.is_ok(),
        "another operation"
    );
    assert!(post(&proxy, "/v1/containers/create").await.is_err());
    assert_eq!(engine.vendor().created, 2);
    assert!(post(&proxy, "/v1/containers/create").await.is_ok());
}

#[tokio::test]
async fn the_other_faults_reach_no_engine() {
    let (engine, proxy) = engine().await;
    for (fault, status) in [
        (Fault::RateLimited(RetryAfter::Seconds(7)), Some(429)),
        (Fault::Unavailable, Some(500)),
        (Fault::NotJson, Some(200)),
        (Fault::Cut, None),
    ] {
        proxy.fault(fault);
        let response = post(&proxy, "/x").await.ok();
        assert_eq!(
            response.map(|one| one.status().as_u16()),
            status,
            "{fault:?}"
        );
    }
    proxy.fault(Fault::Hang);
    let hanging = tokio::time::timeout(Duration::from_millis(300), post(&proxy, "/x")).await;
    assert!(hanging.is_err(), "it does not answer");
    assert_eq!(engine.vendor().created, 0);
    proxy.heal();
    assert!(post(&proxy, "/x").await.is_ok());
}

#[tokio::test]
async fn a_request_whose_sender_has_gone_is_carried_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let proxy = Proxy::before_address(address).await.unwrap();
    let (mut engine, sending) = {
        let mut sending = Box::pin(post(&proxy, "/x"));
        let engine = tokio::select! {
            accepted = listener.accept() => accepted.unwrap().0,
            _ = &mut sending => unreachable!("the engine has not answered"),
        };
        (engine, sending)
    };
    drop(sending);
    let mut head = [0; 16];
    engine.read_exact(&mut head).await.unwrap();
    let answer = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    engine.write_all(answer.as_bytes()).await.unwrap();
    proxy.settle().await;
}

#[tokio::test]
async fn a_unix_socket_is_forwarded_to_a_unix_socket() {
    let folder = std::env::temp_dir().join(format!("agent-pool-proxy-{}", InstanceId::generate()));
    std::fs::create_dir_all(&folder).unwrap();
    let (target, listen) = (folder.join("engine.sock"), folder.join("proxy.sock"));
    let engine = UnixListener::bind(&target).unwrap();
    let proxy = Proxy::before_socket(&target, &listen).await.unwrap();
    assert_eq!(proxy.url(), None);
    let mut client = UnixStream::connect(&listen).await.unwrap();
    let request = b"GET /info HTTP/1.1\r\nhost: engine\r\nconnection: close\r\n\r\n";
    client.write_all(request).await.unwrap();
    let (mut accepted, _) = engine.accept().await.unwrap();
    let mut head = [0; 14];
    accepted.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"GET /info HTTP");
    let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    accepted.write_all(answer).await.unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 204"), "{text}");
    std::fs::remove_dir_all(&folder).unwrap();
}
