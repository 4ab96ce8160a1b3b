//! The listener: every connection a task, every answer whole or not sent at all.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_pool_core::conformance::{Fault, RetryAfter};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::form_urlencoded;

use super::harness::SETTLE;
use super::{Answered, Asked, SmallVendor};

/// The connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("connection cut by a fault")]
struct Cut;

/// A vendor that is served, until this is dropped.
#[derive(Debug)]
pub(super) struct Server<V> {
    pub(super) address: SocketAddr,
    shared: Arc<Shared<V>>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared<V> {
    vendor: Mutex<V>,
    /// What is wrong now; who hangs waits for its change.
    fault: watch::Sender<Option<Fault>>,
}

impl<V: SmallVendor> Server<V> {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            vendor: Mutex::new(V::default()),
            fault: watch::Sender::new(None),
        });
        let serving = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            serving,
        }
    }

    pub(super) fn vendor(&self) -> MutexGuard<'_, V> {
        self.shared.vendor()
    }

    pub(super) fn set_fault(&self, fault: Option<Fault>) {
        self.shared.fault.send_replace(fault);
    }
}

impl<V> Drop for Server<V> {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn accept<V: SmallVendor>(listener: TcpListener, shared: Arc<Shared<V>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(connection(stream, Arc::clone(&shared)));
    }
}

async fn connection<V: SmallVendor>(stream: TcpStream, shared: Arc<Shared<V>>) {
    let service = service_fn(|request| shared.serve(request));
    // Whoever asked may have left, and a cut ends it too.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

impl<V: SmallVendor> Shared<V> {
    fn vendor(&self) -> MutexGuard<'_, V> {
        self.vendor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Cut> {
        let asked = read(request).await;
        if asked.header(SETTLE).is_some() {
            return Ok(answer(200, None, Bytes::new()));
        }
        let fault = *self.fault.borrow();
        match fault {
            None => Ok(json(&self.vendor().answer(&asked))),
            Some(Fault::LostAnswer(operation)) => {
                let answer = self.vendor().answer(&asked);
                if answer.operation != operation {
                    return Ok(json(&answer));
                }
                self.fault.send_replace(None);
                Err(Cut)
            }
            Some(Fault::RateLimited(form)) => Ok(answer(429, Some(form), Bytes::from("{}"))),
            Some(Fault::Unavailable) => Ok(answer(500, None, Bytes::from("{}"))),
            Some(Fault::NotJson) => Ok(answer(200, None, Bytes::from("<html>hello</html>"))),
            Some(Fault::Cut) => Err(Cut),
            Some(Fault::Hang) => self.hang().await,
        }
    }

    /// Answers nothing, and closes the connection once the fault is over.
    async fn hang(&self) -> Result<Response<Full<Bytes>>, Cut> {
        let mut changes = self.fault.subscribe();
        let healed = changes.wait_for(Option::is_none).await.is_ok();
        if healed { Err(Cut) } else { pending().await }
    }
}

fn json(answered: &Answered) -> Response<Full<Bytes>> {
    answer(
        answered.status,
        None,
        Bytes::from(answered.body.to_string()),
    )
}

fn answer(status: u16, retry_after: Option<RetryAfter>, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(status);
    if let Some(form) = retry_after {
        let text = match form {
            RetryAfter::Seconds(seconds) => seconds.to_string(),
            RetryAfter::Date(at) => at.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        };
        response = response.header("retry-after", text);
    }
    response.body(Full::new(body)).unwrap()
}

async fn read(request: Request<Incoming>) -> Asked {
    let (head, body) = request.into_parts();
    let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let path = head.uri.path().trim_start_matches('/').split('/');
    let query = head.uri.query().unwrap_or_default();
    let headers = head.headers.iter().map(|(name, value)| {
        let value = value.to_str().unwrap_or_default();
        (name.to_string(), value.to_owned())
    });
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    Asked {
        method: head.method.to_string(),
        path: path.map(decode).collect(),
        query: form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        headers: headers.collect(),
        body: serde_json::from_slice(&body.unwrap_or_default()).unwrap_or(Value::Null),
    }
}
