//! Tests of invalid answers.

#![cfg(test)]

use std::time::Duration;

use agent_pool_client::{CallError, Destruction, Http, Runtime, Services};
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::{Effect, InstanceId, Secret};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use url::Url;

const LIMIT: Duration = Duration::from_secs(20);

/// A server that answers everything with these bytes.
async fn server(answer: impl Into<Vec<u8>>) -> Url {
    let answer = answer.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            _ = stream.read(&mut [0; 8_192]).await;
            // The client may close the connection before it has read everything.
            _ = stream.write_all(&answer).await;
            _ = stream.shutdown().await;
            // A request that is not read completely would reset the connection, and the answer could be lost.
            _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
    });
    url.parse().unwrap()
}

fn response(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}connection: close\r\n\r\n{body}"
    )
}

fn services(base: Url) -> Services {
    Services::new(&Http::new("test/1").unwrap(), base, Secret::new("sk-key"))
}

async fn refusal(answer: String) -> CallError {
    services(server(answer).await).registry().await.unwrap_err()
}

async fn is_ready(url: &Url, within: Duration) -> Result<bool, CallError> {
    let runtime = Runtime::new(&Http::new("test/1").unwrap());
    runtime.is_ready(url, &Secret::new("sk-key"), within).await
}

#[tokio::test]
async fn a_refusal_is_the_problem_with_the_status_and_the_wait_that_were_sent() {
    let problem = Problem::new(ProblemCode::VendorRateLimited, "x")
        .with_field("tools[0]")
        .with_provider("acme")
        .with_retry_after(Duration::from_secs(3));
    let body = serde_json::to_string(&problem).unwrap();
    let error = refusal(response("503 S", "", &body)).await;
    assert_eq!(error.problem(), Some(&problem));
    let error = refusal(response("504 G", "retry-after: 17\r\n", &body)).await;
    assert!(error.is(&ProblemCode::VendorRateLimited));
    assert_eq!(error.problem().unwrap().status, 504);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(17)));
}

#[tokio::test]
async fn a_refusal_without_a_code_says_what_it_can() {
    let error = refusal(response(
        "500 I",
        "",
        r#"{"error":"Gateway not ready yet"}"#,
    ))
    .await;
    let text = "Services answered 500 without_code: Gateway not ready yet";
    assert_eq!(error.to_string(), text);
    let error = refusal(response("502 B", "", "<html>")).await;
    assert!(error.to_string().ends_with("without a reason"), "{error}");
    assert_eq!(error.effect(), Effect::Unknown);
}

#[tokio::test]
async fn the_detail_of_a_runtime_is_short() {
    let problem = Problem::new(ProblemCode::InternalError, "ä".repeat(9_999));
    let body = serde_json::to_string(&problem).unwrap();
    let url = server(response("500 I", "", &body)).await;
    let error = is_ready(&url, LIMIT).await.unwrap_err();
    let problem = error.problem().unwrap();
    let expected = format!("{}…", "ä".repeat(300));
    assert_eq!((&problem.detail, &problem.error), (&expected, &expected));
}

#[tokio::test]
async fn a_runtime_that_answers_more_than_64_kib_is_cut_off() {
    let padding = " ".repeat(65_000);
    let fits = format!(r#"{{"ready":true}}{padding}"#);
    let url = server(response("200 OK", "", &fits)).await;
    assert!(is_ready(&url, LIMIT).await.unwrap());
    let url = server(response("200 OK", "", &format!("{fits}{padding}"))).await;
    let error = is_ready(&url, LIMIT).await.unwrap_err();
    let text = "the answer of the runtime cannot be read: it is larger than 65536 bytes";
    assert_eq!(error.to_string(), text);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = server(response("200 OK", "", r#"{"ready":true}"#)).await;
    let redirect = response("302 Found", &format!("location: {target}\r\n"), "");
    let url = server(redirect).await;
    let error = is_ready(&url, LIMIT).await.unwrap_err();
    assert_eq!(error.problem().unwrap().status, 302);
}

#[tokio::test]
async fn a_deadline_holds_for_an_answer_that_never_ends() {
    let url = server("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{").await;
    // This server closes the connection. The deadline would be the same for one that does not.
    let error = is_ready(&url, LIMIT).await.unwrap_err();
    assert!(matches!(error, CallError::Broken { .. }), "{error}");
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let error = is_ready(&url.parse().unwrap(), Duration::from_millis(20)).await;
    let text = "the runtime did not answer within 20 ms";
    assert_eq!(error.unwrap_err().to_string(), text);
}

#[tokio::test]
async fn a_refused_connection_is_unreachable_and_nothing_was_done() {
    // Bound and not listening: it refuses connections, and nobody else gets the port.
    let closed = TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url: Url = format!("http://{}", closed.local_addr().unwrap())
        .parse()
        .unwrap();
    let error = services(url).registry().await.unwrap_err();
    assert_eq!(error.effect(), Effect::NotDone);
    let text = error.to_string();
    assert!(text.starts_with("Services cannot be reached: "), "{text}");
    assert!(!format!("{error:?}").contains("sk-key"));
}

#[tokio::test]
async fn only_a_404_that_names_the_instance_means_that_it_is_unknown() {
    let id = InstanceId::generate();
    let answer = |code| {
        let problem = Problem::new(code, "x");
        response("404 N", "", &serde_json::to_string(&problem).unwrap())
    };
    let unknown = services(server(answer(ProblemCode::UnknownInstance)).await);
    assert_eq!(unknown.destroy(&id).await.unwrap(), Destruction::Unknown);
    for other in [
        answer(ProblemCode::UnknownRoute),
        response("404 N", "", "no such page"),
    ] {
        let services = services(server(other).await);
        assert!(services.destroy(&id).await.is_err());
    }
}

#[tokio::test]
async fn an_answer_about_another_instance_is_not_believed() {
    let body = r#"{"instanceId":"aaaaaaaaaaaa","serviceId":"s","url":"http://h","services":{}}"#;
    let services = services(server(response("200 OK", "", body)).await);
    let request = serde_json::json!({"instanceId": "bbbbbbbbbbbb", "name": "n", "tools": []});
    let request = serde_json::from_value(request).unwrap();
    let error = services.create(&request).await.unwrap_err();
    assert!(matches!(error, CallError::Unreadable { .. }), "{error}");
}

#[tokio::test]
async fn no_text_of_a_status_batch_acts_on_a_terminal() {
    let body = r#"{"k3v9x0a1b2c3": {"healthy": false, "status": "A\u0000", "detail": "a\u001b[2Jb\u202e",
                                    "image": "agent:1\u0007"}}"#;
    let server = server(response("200 OK", "", body)).await;
    let answer = services(server).status(LIMIT).await.unwrap();
    let batch = answer.parse().unwrap();
    let report = batch.values().next().unwrap();
    assert_eq!(report.detail.as_deref(), Some("ab\u{fffd}"));
    assert_eq!(report.image.as_deref(), Some("agent:1\u{fffd}"));
    assert_eq!(report.status.as_ref().unwrap().to_string(), "A\u{fffd}");
}

#[tokio::test]
async fn a_status_batch_that_breaks_off_is_unreadable() {
    let whole = r#"{"k3v9x0a1b2c3": {"healthy": true}, "k3v9x0a1b2c4": {"healthy": true}}"#;
    for (body, readable) in [(whole, true), (&whole[..50], false), (&whole[..0], false)] {
        let server = server(response("200 OK", "", body)).await;
        let answer = services(server).status(LIMIT).await.unwrap();
        let read = answer.for_each(|_, _| {});
        let unreadable = matches!(read, Err(CallError::Unreadable { .. }));
        assert_eq!((read.is_ok(), unreadable), (readable, !readable), "{body}");
    }
}
