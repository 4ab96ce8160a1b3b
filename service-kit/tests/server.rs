//! Tests of the server, over real sockets.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::Secret;
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_service_kit::auth::{self, ApiKeys};
use agent_pool_service_kit::http_server::{Bound, Templates};
use agent_pool_service_kit::problem::{answer, unrouted};
use agent_pool_service_kit::shutdown::Shutdown;
use agent_pool_service_kit::testing::eventually;
use agent_pool_service_kit::{body, metrics};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use warp::reply::Response;
use warp::{Filter, Reply};

const SOON: Duration = Duration::from_secs(10);

/// Holds requests to `/slow`.
struct Gate {
    entered: Semaphore,
    open: Semaphore,
}

impl Gate {
    const fn new() -> Self {
        Self {
            entered: Semaphore::const_new(0),
            open: Semaphore::const_new(0),
        }
    }
}

struct Server {
    port: u16,
    shutdown: Shutdown,
    ended: JoinHandle<()>,
    gate: Arc<Gate>,
}

fn routes(
    gate: Arc<Gate>,
) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static {
    let keys = ApiKeys::from(Secret::new("key"));
    let slow = move || {
        let gate = gate.clone();
        async move {
            gate.entered.add_permits(1);
            gate.open.acquire().await.unwrap().forget();
            answer(Ok("done"))
        }
    };
    let echo = |body: Value| async move { answer(Ok(body)) };
    let teapot =
        || async { answer::<()>(Err(Problem::new(ProblemCode::InstanceBusy, "it is busy"))) };
    warp::path!("slow")
        .and(warp::get())
        .then(slow)
        .or(warp::path!("panic").then(|| async { panic!("on purpose") }))
        .unify()
        .or(warp::path!("busy" / String)
            .and(warp::get())
            .map(|_| ())
            .untuple_one()
            .then(teapot))
        .unify()
        .or(warp::path!("echo")
            .and(warp::post())
            .and(auth::require(keys))
            .and(body::json::<Value>())
            .then(echo))
        .unify()
        .recover(unrouted)
        .map(Reply::into_response)
}

impl Server {
    async fn start() -> Self {
        let bound = Bound::on(IpAddr::V4(Ipv4Addr::LOCALHOST), 0).await.unwrap();
        let (port, shutdown) = (bound.address().port(), Shutdown::new());
        let gate = Arc::new(Gate::new());
        let templates = Templates::new(&["/slow", "/panic", "/busy/:what", "/echo"]);
        let ended = tokio::spawn(bound.serve(routes(gate.clone()), templates, shutdown.clone()));
        Self {
            port,
            shutdown,
            ended,
            gate,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        client().get(self.url(path)).send().await.unwrap()
    }

    /// Sends bytes unchanged, and returns the whole response.
    async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

fn client() -> reqwest::Client {
    agent_pool_core::http::bare_builder()
        .no_proxy()
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_panic_is_answered_and_the_service_goes_on() {
    let server = Server::start().await;
    let answer = server.get("/panic").await;
    assert_eq!(answer.status(), 500);
    let problem: Problem = answer.json().await.unwrap();
    assert_eq!(problem.code, ProblemCode::InternalError);
    assert!(!problem.detail.contains("on purpose"));
    assert_eq!(server.get("/busy/x").await.status(), 409);
}

#[tokio::test]
async fn a_target_that_is_no_path_is_refused_before_any_route() {
    let server = Server::start().await;
    for target in ["CONNECT a:1", "GET http://a/busy/x", "OPTIONS *"] {
        let request = format!("{target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let answer = server.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{target}: {answer}");
        assert!(answer.contains("\"code\":\"bad_request\""), "{answer}");
    }
}

#[tokio::test]
async fn answers_are_not_kept_and_their_type_is_not_guessed() {
    let server = Server::start().await;
    for path in ["/busy/x", "/nowhere"] {
        let headers = server.get(path).await.headers().clone();
        assert_eq!(headers["cache-control"], "no-store", "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
    }
}

#[tokio::test]
async fn slow_clients_hold_up_nobody() {
    let server = Server::start().await;
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port))
            .await
            .unwrap();
        stream.write_all(b"GET /busy/x HTTP/1.1\r\n").await.unwrap();
        slow.push(stream);
    }
    assert_eq!(server.get("/busy/x").await.status(), 409);
    server.shutdown.trigger();
    let ended = tokio::time::timeout(SOON, server.ended).await;
    assert!(ended.is_ok(), "the end waits for half a header");
}

#[tokio::test]
async fn a_source_of_many_wrong_keys_is_answered_429() {
    let server = Server::start().await;
    let metrics = metrics::install();
    let client = client();
    let wrong = async || {
        let request = client.post(server.url("/echo")).bearer_auth("wrong");
        request.send().await.unwrap()
    };
    for _ in 0..10 {
        assert_eq!(wrong().await.status(), 401);
    }
    // One more is allowed every few seconds, which a slow machine may have spent on the first ones.
    eventually("the source is held back", SOON, async || {
        let answer = wrong().await;
        let held_back = answer.status() == 429;
        assert!(!held_back || answer.headers().contains_key("retry-after"));
        held_back
    })
    .await;
    let counted = "agent_pool_auth_failures_total{reason=\"held_back\"}";
    assert!(metrics.render().contains(counted));
}

#[tokio::test]
async fn a_problem_has_the_type_that_the_request_accepts() {
    let server = Server::start().await;
    for path in ["/busy/x", "/nowhere", "/panic"] {
        let plain = server.get(path).await;
        assert_eq!(
            plain.headers()["content-type"],
            "application/json",
            "{path}"
        );
        let request = client().get(server.url(path));
        let asked = request
            .header("accept", "application/problem+json")
            .send()
            .await
            .unwrap();
        assert_eq!(
            asked.headers()["content-type"],
            "application/problem+json",
            "{path}"
        );
        assert_eq!(asked.status(), plain.status());
    }
}

#[tokio::test]
async fn a_wrong_key_is_answered_with_a_challenge() {
    let server = Server::start().await;
    let request = client().post(server.url("/echo")).json(&json!({}));
    let answer = request.bearer_auth("wrong").send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(
        answer.headers()["www-authenticate"],
        "Bearer realm=\"agent-pool\""
    );
}

#[tokio::test]
async fn a_body_without_a_stated_length_is_read_up_to_the_limit() {
    let server = Server::start().await;
    let chunked = |size: usize| {
        let head = "POST /echo HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key\r\n\
                    connection: close\r\ntransfer-encoding: chunked\r\n\r\n";
        let body = json!({ "text": "x".repeat(size) }).to_string();
        format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
    };
    let small = server.raw(chunked(1000).as_bytes()).await;
    assert!(small.starts_with("HTTP/1.1 200 "), "{small}");
    let large = server.raw(chunked(300 * 1024).as_bytes()).await;
    assert!(large.starts_with("HTTP/1.1 413 "), "{large}");
    assert!(large.contains("\"code\":\"body_too_large\""), "{large}");
}

#[tokio::test]
async fn a_body_far_above_the_limit_is_still_answered() {
    let server = Server::start().await;
    let request = client().post(server.url("/echo")).bearer_auth("key");
    let answer = request
        .body(vec![b' '; 4 * 1024 * 1024])
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 413);
}

#[tokio::test]
async fn shutdown_finishes_the_request_in_flight_and_takes_no_other() {
    let server = Server::start().await;
    let in_flight = tokio::spawn(client().get(server.url("/slow")).send());
    server.gate.entered.acquire().await.unwrap().forget();
    server.shutdown.trigger();
    eventually("no further connection", SOON, async || {
        TcpStream::connect(("127.0.0.1", server.port))
            .await
            .is_err()
    })
    .await;
    assert!(
        !server.ended.is_finished(),
        "one request is not answered yet"
    );
    server.gate.open.add_permits(1);
    let answer = in_flight.await.unwrap().unwrap();
    assert_eq!(answer.text().await.unwrap(), "\"done\"");
    server.ended.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_says_nothing_does_not_hold_up_the_end() {
    let server = Server::start().await;
    let address = ("127.0.0.1", server.port);
    let _silent = TcpStream::connect(address).await.unwrap();
    // Connections are accepted in turn: the silent one is open by now.
    server.get("/busy/x").await;
    server.shutdown.trigger();
    let ended = tokio::time::timeout(SOON, server.ended).await;
    assert!(ended.is_ok(), "the end waits for it");
}

#[tokio::test]
async fn connections_from_before_the_shutdown_are_served_accepted_or_not() {
    let server = Server::start().await;
    let address = ("127.0.0.1", server.port);
    let mut accepted = TcpStream::connect(address).await.unwrap();
    // Connections are accepted in turn: the first one is open by now.
    server.get("/busy/x").await;
    let mut waiting = TcpStream::connect(address).await.unwrap();
    server.shutdown.trigger();
    eventually("no further connection", SOON, async || {
        TcpStream::connect(address).await.is_err()
    })
    .await;
    for stream in [&mut accepted, &mut waiting] {
        let request = b"GET /busy/x HTTP/1.1\r\nhost: h\r\n\r\n";
        stream.write_all(request).await.unwrap();
    }
    for stream in [&mut accepted, &mut waiting] {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 409"), "{answer}");
    }
    server.ended.await.unwrap();
}

#[tokio::test]
async fn requests_are_counted_by_template_never_by_path() {
    let metrics = metrics::install();
    let server = Server::start().await;
    server.get("/busy/secret-id").await;
    server.get("/wp-login.php").await;
    let strange = b"BREW /busy/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert!(server.raw(strange).await.starts_with("HTTP/1.1 405 "));
    let text = metrics.render();
    for labels in [
        "route=\"/busy/:what\",method=\"GET\",status=\"409\"",
        "route=\"unrouted\",method=\"GET\",status=\"404\"",
        "route=\"/busy/:what\",method=\"other\",status=\"405\"",
    ] {
        assert!(
            text.contains(&format!("agent_pool_http_requests_total{{{labels}}}")),
            "{text}"
        );
    }
    assert!(text.contains("agent_pool_http_request_seconds_bucket"));
    assert!(!text.contains("secret-id") && !text.contains("BREW"));
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error_that_names_it() {
    let taken = Bound::on(IpAddr::V4(Ipv4Addr::LOCALHOST), 0).await.unwrap();
    let port = taken.address().port();
    let error = Bound::on(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains(&format!("127.0.0.1:{port}")),
        "{error}"
    );
}
