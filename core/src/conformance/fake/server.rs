//! Serves a fake vendor over HTTP, with its faults.

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

use super::{FakeRequest, FakeResponse, FakeVendor};
use crate::conformance::harness::{Fault, RetryAfter};

/// The path that is answered even during a fault.
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

    fn respond(&self, request: &FakeRequest) -> FakeResponse {
        let response = self.vendor().respond(request);
        response.unwrap_or_else(|| {
            let problem = format!("the fake has no answer to {request}");
            FakeResponse::json(400, &serde_json::json!({ "error": problem }))
        })
    }

    /// The response; `None` if the connection closes without one.
    async fn respond_or_fail(&self, request: &FakeRequest) -> Option<FakeResponse> {
        let fault = *self.fault.borrow();
        match fault {
            None => Some(self.respond(request)),
            Some(Fault::LostAnswer(operation)) => {
                let response = self.respond(request);
                if !request.begins(operation) {
                    return Some(response);
                }
                self.fault.send_replace(None);
                None
            }
            Some(Fault::RateLimited(_) | Fault::Unavailable | Fault::NotJson) => {
                fault_response(fault)
            }
            Some(Fault::Cut) => None,
            Some(Fault::Hang) => {
                let mut healed = self.fault.subscribe();
                let _ = healed.wait_for(|now| *now != Some(Fault::Hang)).await;
                None
            }
        }
    }

    async fn exchange(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, io::Error> {
        let request = read(request).await.map_err(io::Error::other)?;
        if request.to_string().ends_with(SETTLE) {
            return FakeResponse::empty(204).into_http();
        }
        match self.respond_or_fail(&request).await {
            Some(response) => response.into_http(),
            None => Err(io::Error::other("connection closed by a fault")),
        }
    }
}

/// The response of a fault that has one.
pub(in crate::conformance) fn fault_response(fault: Option<Fault>) -> Option<FakeResponse> {
    match fault? {
        Fault::RateLimited(wait) => {
            Some(FakeResponse::html(429, "Slow down").with("retry-after", header(wait)))
        }
        Fault::Unavailable => Some(FakeResponse::html(500, "Out of order")),
        Fault::NotJson => Some(FakeResponse::html(200, "Welcome")),
        Fault::Cut | Fault::Hang | Fault::LostAnswer(_) => None,
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
    let mut fake = FakeRequest::new(head.method.as_str(), target);
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        fake = fake.with_header(name.as_str(), &value);
    }
    let bytes = body.collect().await?.to_bytes();
    Ok(match serde_json::from_slice(&bytes) {
        Ok(body) => fake.with_body(body),
        Err(_) => fake,
    })
}

impl FakeResponse {
    pub(in crate::conformance) fn into_http(self) -> Result<Response<Full<Bytes>>, io::Error> {
        let status = StatusCode::from_u16(self.status).map_err(io::Error::other)?;
        let mut response = Response::builder().status(status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        let body = Full::new(Bytes::from(self.body));
        response.body(body).map_err(io::Error::other)
    }
}

/// Serves on a thread of its own, so that requests are handled in order and also while a test blocks. It ends when the
/// sender is dropped.
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
            // A client that disconnected and a fault both end a connection with an error.
            let _ = connection
                .serve_connection(TokioIo::new(stream), exchange)
                .await;
        });
    }
}
