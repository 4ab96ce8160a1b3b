//! The fake over HTTP, and its faults.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use super::{FakeAnswer, FakeRequest, FakeVendor};
use crate::conformance::harness::{Fault, RetryAfter};

/// Answered whatever fault there is, once everything that was sent before is dealt with.
pub(super) const SETTLE: &str = "/fake/settle";

pub(super) struct Shared<V> {
    vendor: Mutex<V>,
    pub(super) fault: watch::Sender<Option<Fault>>,
}

impl<V: FakeVendor> Shared<V> {
    pub(super) fn new(vendor: V) -> Arc<Self> {
        let fault = watch::Sender::new(None);
        let vendor = Mutex::new(vendor);
        Arc::new(Self { vendor, fault })
    }

    pub(super) fn vendor(&self) -> MutexGuard<'_, V> {
        self.vendor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self, asked: &FakeRequest) -> FakeAnswer {
        let answer = self.vendor().answer(asked);
        answer.unwrap_or_else(|| {
            let problem = format!("the fake has no answer to {asked}");
            FakeAnswer::json(400, &serde_json::json!({ "error": problem }))
        })
    }

    /// The answer; `None` where the connection closes without one.
    async fn answer(&self, asked: &FakeRequest) -> Option<FakeAnswer> {
        let fault = *self.fault.borrow();
        match fault {
            None => Some(self.answered(asked)),
            Some(Fault::LostAnswer(operation)) => {
                let answer = self.answered(asked);
                if !asked.begins(operation) {
                    return Some(answer);
                }
                self.fault.send_replace(None);
                None
            }
            Some(Fault::RateLimited(wait)) => {
                Some(FakeAnswer::html(429, "Slow down").with("retry-after", header(wait)))
            }
            Some(Fault::Unavailable) => Some(FakeAnswer::html(500, "Out of order")),
            Some(Fault::Cut) => None,
            Some(Fault::Hang) => {
                let mut healed = self.fault.subscribe();
                let _ = healed.wait_for(|now| *now != Some(Fault::Hang)).await;
                None
            }
            Some(Fault::NotJson) => Some(FakeAnswer::html(200, "Welcome")),
        }
    }

    async fn exchange(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, io::Error> {
        let asked = read(request).await.map_err(io::Error::other)?;
        if asked.to_string().ends_with(SETTLE) {
            return response(FakeAnswer::empty(204));
        }
        match self.answer(&asked).await {
            Some(answer) => response(answer),
            None => Err(io::Error::other("as the fault wants it")),
        }
    }
}

fn header(wait: RetryAfter) -> String {
    match wait {
        RetryAfter::Seconds(seconds) => seconds.to_string(),
        RetryAfter::Date(at) => at.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
    }
}

async fn read(request: Request<Incoming>) -> Result<FakeRequest, hyper::Error> {
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut asked = FakeRequest::new(head.method.as_str(), target);
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        asked = asked.with_header(name.as_str(), &value);
    }
    let bytes = body.collect().await?.to_bytes();
    Ok(match serde_json::from_slice(&bytes) {
        Ok(body) => asked.with_body(body),
        Err(_) => asked,
    })
}

fn response(answer: FakeAnswer) -> Result<Response<Full<Bytes>>, io::Error> {
    let status = StatusCode::from_u16(answer.status).map_err(io::Error::other)?;
    let mut response = Response::builder().status(status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let body = Full::new(Bytes::from(answer.body));
    response.body(body).map_err(io::Error::other)
}

/// Serves on a thread of its own, so that requests are dealt with in the order in which they came, and
/// while a test blocks. It ends when the sender is dropped.
pub(super) async fn start<V: FakeVendor>(
    shared: Arc<Shared<V>>,
    port: u16,
) -> io::Result<(SocketAddr, oneshot::Sender<Infallible>)> {
    let (running, stopped) = oneshot::channel();
    let (listening, address) = oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build();
        let serving = async {
            let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
            let bound = bound.and_then(|listener| Ok((listener.local_addr()?, listener)));
            let (address, listener) = match bound {
                Ok((address, listener)) => (Ok(address), Some(listener)),
                Err(error) => (Err(error), None),
            };
            let _ = listening.send(address);
            let Some(listener) = listener else { return };
            tokio::select! {
                () = accept(listener, shared) => {}
                _ = stopped => {}
            }
        };
        if let Ok(runtime) = runtime {
            runtime.block_on(serving);
        }
    });
    let address = address.await.map_err(io::Error::other)??;
    Ok((address, running))
}

async fn accept<V: FakeVendor>(listener: TcpListener, shared: Arc<Shared<V>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let exchange = service_fn(|request| shared.exchange(request));
            let connection = hyper::server::conn::http1::Builder::new();
            // How a connection ends is the client's to say, or a fault.
            let _ = connection
                .serve_connection(TokioIo::new(stream), exchange)
                .await;
        });
    }
}
