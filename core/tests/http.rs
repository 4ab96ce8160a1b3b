//! Tests of the HTTP kit against a server whose answers the test sets byte by byte.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not know as such"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_pool_core::http::{
    Api, ListItem, Page, Proxies, VendorFault, VendorHttp, client, client_builder,
};
use agent_pool_core::{Context, Effect, ErrorKind, Mark, ProviderError, Secret, chain};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const KEY: &str = "sk-very-secret";

/// The server's reaction to a request.
#[derive(Debug, Clone)]
enum Act {
    Answer(String),
    Hang,
    Cut,
}

fn answer(status: &str, head: &str, body: &str) -> Act {
    let length = body.len();
    Act::Answer(format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{head}\r\n{body}"
    ))
}

/// The vendor, the context, and every request as received.
struct Lab {
    base: String,
    http: VendorHttp,
    cx: Context,
    requests: Arc<Mutex<Vec<String>>>,
}

async fn lab(act: Act) -> Lab {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/api/v1/", listener.local_addr().unwrap());
    let requests = Arc::default();
    tokio::spawn(serve(listener, act, Arc::clone(&requests)));
    let http = VendorHttp::new(base.parse().unwrap());
    Lab {
        base: base.clone(),
        http: http.bearer(&Secret::new(KEY), "ACME_KEY").unwrap(),
        cx: context(),
        requests,
    }
}

fn context() -> Context {
    Context::new(Mark::new(&"dev".parse().unwrap()), client().unwrap())
}

async fn serve(listener: TcpListener, act: Act, requests: Arc<Mutex<Vec<String>>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let request = read(&mut stream).await;
        requests.lock().unwrap().push(request);
        match &act {
            Act::Answer(bytes) => {
                // A client may disconnect once it has read enough.
                let _ = stream.write_all(bytes.as_bytes()).await;
            }
            Act::Hang => std::future::pending().await,
            Act::Cut => {}
        }
    }
}

/// Reads one request: its head, and a body of the announced length.
async fn read(stream: &mut TcpStream) -> String {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer).await.unwrap();
        text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let announced = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        if count == 0 || body.len() >= announced.map_or(0, |length| length.parse().unwrap()) {
            return text;
        }
    }
}

impl Lab {
    async fn fails(&self) -> ProviderError {
        let request = self.api().post(["keys"]).query("token", KEY);
        let error = request
            .json(&json!({ "secret": KEY }))
            .fetch::<Value>()
            .await;
        let error = error.unwrap_err();
        let message = format!("{} {error:?}", chain(&error));
        assert!(!message.contains(KEY), "{message}");
        error
    }

    fn api(&self) -> Api<'_> {
        self.http.on(&self.cx)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn a_request_is_sent_as_it_was_put_together() {
    let lab = lab(answer("200 OK", "", "{}")).await;
    let request = lab.api().post(["inboxes", "a b/+@x.y", "keys"]);
    let request = request
        .query("filter[a]", "1&2")
        .query_each("none", None::<&str>);
    request
        .json(&json!({ "name": "n" }))
        .fetch::<Value>()
        .await
        .unwrap();
    let sent = lab.requests().remove(0);
    let line = "POST /api/v1/inboxes/a%20b%2F%2B%40x.y/keys?filter%5Ba%5D=1%262 HTTP/1.1\r\n";
    assert!(sent.starts_with(line), "{sent}");
    assert!(
        sent.contains("\r\nauthorization: Bearer sk-very-secret\r\n"),
        "{sent}"
    );
    assert!(sent.contains("\r\nuser-agent: agent-pool/"), "{sent}");
    assert!(
        sent.contains("\r\ncontent-type: application/json\r\n"),
        "{sent}"
    );
    assert!(sent.ends_with("\r\n\r\n{\"name\":\"n\"}"), "{sent}");
}

#[tokio::test]
async fn without_segments_the_base_itself_is_asked_and_any_status_is_returned() {
    let lab = lab(answer("400 Bad Request", "x-hint: h\r\n", "no")).await;
    let reply = lab.api().post([]).send().await.unwrap();
    assert_eq!((reply.status(), reply.header("x-hint")), (400, Some("h")));
    assert_eq!(reply.text(), "no");
    assert!(lab.requests()[0].starts_with("POST /api/v1/ HTTP/1.1\r\n"));
}

#[tokio::test]
async fn every_page_is_asked_for_where_the_one_before_says() {
    let lab = lab(answer("200 OK", "", r#"{"data": [1, 2]}"#)).await;
    let request = lab.api().get(["keys"]).query("limit", 2);
    let read = |items: Value, at: Option<usize>| Page {
        items: vec![ListItem::from(items["data"][0].clone())],
        next: Some(at.unwrap_or_default() + 2).filter(|next| *next < 5),
    };
    assert_eq!(request.fetch_pages("offset", read).await.unwrap().len(), 3);
    let asked = lab.requests();
    let queries = ["?limit=2 ", "?limit=2&offset=2 ", "?limit=2&offset=4 "];
    for (request, query) in asked.iter().zip(queries) {
        assert!(request.contains(query), "{request}");
    }
    let elsewhere = lab.api().get([".."]).fetch_pages("offset", read).await;
    assert_eq!(elsewhere.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(lab.requests().len(), 3);
}

#[tokio::test]
async fn what_is_wrapped_in_data_is_taken_out() {
    let lab = lab(answer("200 OK", "", r#"{"data": {"id": 7}}"#)).await;
    let data: Value = lab.api().get(["keys", "7"]).fetch_data().await.unwrap();
    assert_eq!(data, json!({ "id": 7 }));
}

#[tokio::test]
async fn a_segment_that_would_lead_elsewhere_is_never_sent() {
    let lab = lab(answer("200 OK", "", "{}")).await;
    for segment in ["..", ".", ""] {
        let error = lab
            .api()
            .delete(["keys", segment])
            .execute()
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), error.effect()),
            (ErrorKind::Invalid, Effect::NotDone)
        );
    }
    assert!(lab.requests().is_empty());
}

#[tokio::test]
async fn a_refused_connection_means_not_done() {
    // Bound and not listening: it refuses connections, and nobody else gets the port.
    let closed = TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = closed.local_addr().unwrap();
    let http = VendorHttp::new(format!("http://{address}").parse().unwrap());
    let error = http
        .on(&context())
        .post(["keys"])
        .execute()
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.effect()),
        (ErrorKind::Unavailable, Effect::NotDone)
    );
}

#[tokio::test]
async fn a_hang_ends_with_the_context_and_may_have_had_an_effect() {
    let mut lab = lab(Act::Hang).await;
    // Long enough for the request to begin on a busy machine: before that, nothing could have had an effect.
    lab.cx = lab.cx.within(Duration::from_secs(1));
    let error = lab.fails().await;
    assert_eq!(
        (error.kind(), error.effect()),
        (ErrorKind::Unavailable, Effect::Unknown)
    );
}

#[tokio::test]
async fn nothing_is_sent_after_the_deadline() {
    let mut lab = lab(answer("200 OK", "", "{}")).await;
    lab.cx = lab.cx.within(Duration::ZERO);
    assert_eq!(lab.fails().await.effect(), Effect::NotDone);
    assert!(lab.requests().is_empty());
}

#[tokio::test]
async fn a_cut_connection_may_have_had_an_effect_and_is_not_tried_again() {
    let lab = lab(Act::Cut).await;
    let error = lab.fails().await;
    assert_eq!(
        (error.kind(), error.effect()),
        (ErrorKind::Unavailable, Effect::Unknown)
    );
    assert_eq!(lab.requests().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let lab = lab(answer(
        "307 Temporary Redirect",
        "location: /elsewhere\r\n",
        "",
    ))
    .await;
    assert_eq!(lab.fails().await.kind(), ErrorKind::Protocol);
    assert_eq!(lab.requests().len(), 1);
}

#[tokio::test]
async fn an_endless_body_is_not_read_to_its_end() {
    let lab = lab(answer("200 OK", "", &"x".repeat(11 * 1024 * 1024))).await;
    let error = lab.fails().await;
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(
        error.to_string().contains("more than 10485760 bytes"),
        "{error}"
    );
}

#[tokio::test]
async fn a_vendors_words_come_without_the_key_that_they_repeat() {
    let lab = lab(answer(
        "401 Unauthorized",
        "",
        "no such key: sk-very-secret",
    ))
    .await;
    let error = lab.fails().await;
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(
        error.to_string().ends_with("answered 401: no such key: …"),
        "{error}"
    );
}

#[test]
fn a_key_that_no_header_carries_is_a_fault_of_its_variable() {
    let http = VendorHttp::new("http://localhost".parse().unwrap());
    let error = http
        .bearer(&Secret::new("line\nbreak"), "ACME_KEY")
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("ACME_KEY holds a character"), "{error}");
    assert!(!error.contains("break"), "{error}");
}

#[tokio::test]
async fn debug_shows_neither_key_nor_query_nor_body() {
    let lab = lab(Act::Cut).await;
    let request = lab
        .api()
        .post(["keys"])
        .query("token", KEY)
        .json(&json!({ "secret": KEY }));
    let shown = format!("{:?} {request:?}", lab.http);
    assert!(!shown.contains(KEY), "{shown}");
}

#[tokio::test]
async fn a_secret_in_an_address_is_sent_and_not_shown() {
    let lab = lab(answer("404 Not Found", "", "no key s/3cret")).await;
    let secret = Secret::new("s/3cret");
    let request = lab.api().delete(["keys", secret.expose()]).redact(&secret);
    let shown = format!("{request:?}");
    assert!(shown.contains("keys/…"), "{shown}");
    let error = request.execute().await.unwrap_err().to_string();
    assert!(error.ends_with("answered 404: no key …"), "{error}");
    assert!(lab.requests()[0].starts_with("DELETE /api/v1/keys/s%2F3cret "));
}

#[tokio::test]
async fn a_refusal_with_a_success_status_is_an_error_of_the_body() {
    let lab = lab(answer(
        "200 OK",
        "",
        r#"{"error": "sk-very-secret is not a key"}"#,
    ))
    .await;
    let reply = lab.api().get(["keys"]).execute().await.unwrap();
    let error = lab.http.refusal(&reply).to_string();
    assert!(
        error.ends_with(r#"answered 200: {"error": "… is not a key"}"#),
        "{error}"
    );
}

#[tokio::test]
async fn the_vendors_own_reader_of_errors_decides_the_kind() {
    let mut lab = lab(answer("403 Forbidden", "", r#"{"wait": 30}"#)).await;
    lab.http = lab.http.faults(|reply| {
        let wait = reply.json::<Value>().ok()?.get("wait")?.as_u64()?;
        Some(VendorFault {
            kind: Some(ErrorKind::RateLimited),
            retry_after: Some(Duration::from_secs(wait)),
            ..VendorFault::default()
        })
    });
    let error = lab.api().get(["keys"]).execute().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
}

#[tokio::test]
async fn a_key_in_its_own_header_is_sent() {
    let mut lab = lab(answer("200 OK", "", "{}")).await;
    let base = lab.http.bearer(&Secret::new("other"), "ACME_KEY").unwrap();
    lab.http = base
        .key_header("x-api-key", &Secret::new(KEY), "ACME_KEY")
        .unwrap();
    lab.api().put(["keys"]).execute().await.unwrap();
    assert!(lab.requests()[0].contains("x-api-key: sk-very-secret\r\n"));
}

#[tokio::test]
async fn a_vendor_may_be_called_through_a_proxy_and_this_machine_never_is() {
    let proxy = lab(answer("200 OK", "", "{}")).await;
    let direct = lab(answer("200 OK", "", "{}")).await;
    let vendor = |base: &str| {
        let vendor = VendorHttp::new(base.parse().unwrap());
        vendor.bearer(&Secret::new(KEY), "ACME_KEY").unwrap()
    };
    let environment = [("HTTP_PROXY", proxy.base.clone())].into_iter().collect();
    let http = client_builder("test/1", &Proxies::new(&environment));
    let cx = Context::new(Mark::new(&"dev".parse().unwrap()), http.build().unwrap());

    let here = vendor(&direct.base);
    here.on(&cx).get(["keys"]).execute().await.unwrap();
    assert!(proxy.requests.lock().unwrap().is_empty());
    assert_eq!(direct.requests.lock().unwrap().len(), 1);

    let public = vendor("http://api.vendor.example/v1/");
    public.on(&cx).get(["keys"]).execute().await.unwrap();
    let asked = proxy.requests.lock().unwrap().concat();
    assert!(
        asked.starts_with("GET http://api.vendor.example/v1/keys HTTP/1.1"),
        "{asked}"
    );
}
