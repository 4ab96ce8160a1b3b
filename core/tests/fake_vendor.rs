//! Tests of the fake vendor: its answers and each fault, over real HTTP.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not know as such"
)]

use std::time::Duration;

use agent_pool_core::conformance::{
    FakeRequest, FakeResponse, FakeServer, FakeVendor, Fault, Harness, Held, RetryAfter,
};
use agent_pool_core::http::client;
use chrono::{DateTime, Utc};
use reqwest::{Method, Response};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

#[derive(Default)]
struct Keys {
    names: Vec<String>,
}

impl FakeVendor for Keys {
    fn settings(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![("KEYS_API_URL", url.to_owned())]
    }

    fn respond(&mut self, asked: &FakeRequest) -> Option<FakeResponse> {
        match (asked.method(), &asked.path()[..]) {
            ("POST", ["keys"]) => {
                self.names.push(asked.member("name")?);
                Some(FakeResponse::json(
                    201,
                    &json!({ "made": self.names.len() }),
                ))
            }
            ("DELETE", ["keys", name]) => {
                self.names.retain(|one| one != name);
                Some(FakeResponse::empty(204))
            }
            _ => None,
        }
    }

    fn held(&self) -> Vec<Held> {
        let names = self.names.iter().cloned();
        names.map(|label| Held { kind: "key", label }).collect()
    }
}

async fn keys() -> FakeServer<Keys> {
    FakeServer::start("keys", Keys::default()).await
}

async fn ask(keys: &FakeServer<Keys>, method: Method, path: &str) -> reqwest::Result<Response> {
    let environment = keys.environment();
    let url = format!("{}{path}", environment.get("KEYS_API_URL").unwrap());
    let request = client().unwrap().request(method, url);
    let request = request.timeout(Duration::from_secs(30));
    request.json(&json!({ "name": "a b" })).send().await
}

async fn status(keys: &FakeServer<Keys>, method: Method, path: &str) -> u16 {
    ask(keys, method, path).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn it_answers_as_its_author_wrote_and_holds_what_came_of_it() {
    let keys = keys().await;
    assert_eq!(status(&keys, Method::POST, "/keys").await, 201);
    assert_eq!(keys.held().await[0].label, "a b");
    assert_eq!(status(&keys, Method::DELETE, "/keys/a%20b").await, 204);
    assert_eq!(keys.held().await, []);
}

#[tokio::test]
async fn what_it_has_no_answer_to_is_named() {
    let answer = ask(&keys().await, Method::PUT, "/other").await.unwrap();
    assert_eq!(answer.status(), 400);
    let text = answer.text().await.unwrap();
    assert!(text.contains("no answer to PUT /other"), "{text}");
}

#[tokio::test]
async fn a_lost_answer_has_its_effect_once_and_the_other_calls_go_on() {
    let keys = keys().await;
    keys.fault(Fault::LostAnswer("POST /keys")).await.unwrap();
    assert_eq!(status(&keys, Method::DELETE, "/keys/x").await, 204);
    assert!(ask(&keys, Method::POST, "/keys").await.is_err());
    assert_eq!(keys.held().await.len(), 1, "it took effect");
    assert_eq!(status(&keys, Method::POST, "/keys").await, 201);
}

#[tokio::test]
async fn each_fault_lasts_until_it_is_healed_and_has_no_effect() {
    let keys = keys().await;
    for (fault, expected) in [
        (Fault::RateLimited(RetryAfter::Seconds(7)), Some(429)),
        (Fault::Unavailable, Some(500)),
        (Fault::NotJson, Some(200)),
        (Fault::Cut, None),
    ] {
        keys.fault(fault).await.unwrap();
        for _ in 0..2 {
            let answer = ask(&keys, Method::POST, "/keys").await.ok();
            let status = answer.map(|answer| answer.status().as_u16());
            assert_eq!(status, expected, "{fault:?}");
        }
    }
    assert_eq!(keys.held().await, []);
    keys.heal().await;
    assert_eq!(status(&keys, Method::POST, "/keys").await, 201);
}

#[tokio::test]
async fn it_asks_to_wait_in_both_forms() {
    let keys = keys().await;
    let asked = async |form| {
        keys.fault(Fault::RateLimited(form)).await.unwrap();
        let answer = ask(&keys, Method::POST, "/keys").await.unwrap();
        answer.headers()["retry-after"].to_str().unwrap().to_owned()
    };
    assert_eq!(asked(RetryAfter::Seconds(7)).await, "7");
    let at: DateTime<Utc> = "2026-11-25T07:05:09Z".parse().unwrap();
    let date = asked(RetryAfter::Date(at)).await;
    assert_eq!(date, "Wed, 25 Nov 2026 07:05:09 GMT");
}

/// Healing ends hanging requests, and settling does not wait for them. The request is written by hand, so that it has
/// arrived before the settling starts.
#[tokio::test]
async fn a_hanging_request_ends_without_an_answer_once_it_is_healed() {
    let keys = keys().await;
    keys.fault(Fault::Hang).await.unwrap();
    let environment = keys.environment();
    let url = Url::parse(environment.get("KEYS_API_URL").unwrap()).unwrap();
    let port = url.port().unwrap();
    let mut hanging = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request =
        b"POST /keys HTTP/1.1\r\nhost: fake\r\ncontent-length: 14\r\n\r\n{\"name\":\"a b\"}";
    hanging.write_all(request).await.unwrap();
    keys.settle().await;
    keys.heal().await;
    let mut answer = Vec::new();
    hanging.read_to_end(&mut answer).await.unwrap();
    assert!(answer.is_empty(), "{answer:?}");
    assert_eq!(keys.held().await, []);
}
