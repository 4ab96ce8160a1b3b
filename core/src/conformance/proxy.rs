//! A proxy in front of a real engine, which injects the faults of the suite.

use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::fake::{FakeResponse, fault_response};
use super::harness::Fault;

/// Forwards HTTP to a real engine, at an address or a unix socket, and injects faults on request.
///
/// With it, the harness of an infra on a real engine can run every case of the suite. Its [`Harness::fault`],
/// [`Harness::heal`] and [`Harness::settle`] call the methods of the same names, and its settings name the proxy:
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use agent_pool_core::conformance::{Fault, Proxy};
///
/// let proxy = Proxy::before_socket("/run/podman.sock", "/tmp/test/engine.sock").await?;
/// // DOCKER_HOST=unix:///tmp/test/engine.sock
/// proxy.fault(Fault::LostAnswer("POST /containers/create"));
/// # Ok(())
/// # }
/// ```
///
/// An operation is a method and a part of the path, such as `POST /containers/create` for
/// `POST /v1.41/containers/create?name=x`. Connections that change their protocol are not supported.
///
/// [`Harness::fault`]: super::Harness::fault
/// [`Harness::heal`]: super::Harness::heal
/// [`Harness::settle`]: super::Harness::settle
#[derive(Debug)]
pub struct Proxy {
    address: Option<SocketAddr>,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    target: Target,
    fault: watch::Sender<Option<Fault>>,
    /// Requests that the engine has not answered yet, including those whose sender has disconnected.
    in_flight: watch::Sender<usize>,
}

#[derive(Debug)]
enum Target {
    Address(String),
    Socket(PathBuf),
}

type Body = Either<Incoming, Full<Bytes>>;

impl Proxy {
    /// Starts a proxy for `host:port` on a free local port; see [`Proxy::url`].
    ///
    /// # Errors
    /// When no port is free.
    pub async fn before_address(target: impl Into<String>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = Some(listener.local_addr()?);
        let shared = Shared::new(Target::Address(target.into()));
        let accepting = Arc::clone(&shared);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&accepting)));
            }
        });
        Ok(Self {
            address,
            shared,
            serving,
        })
    }

    /// Starts a proxy for a unix socket, which listens on another socket at the path `listen`.
    ///
    /// # Errors
    /// When `listen` exists or cannot be created.
    pub async fn before_socket(
        target: impl Into<PathBuf>,
        listen: impl AsRef<Path>,
    ) -> io::Result<Self> {
        let listener = UnixListener::bind(listen)?;
        let shared = Shared::new(Target::Socket(target.into()));
        let accepting = Arc::clone(&shared);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&accepting)));
            }
        });
        Ok(Self {
            address: None,
            shared,
            serving,
        })
    }

    /// The proxy's URL; `None` for a unix socket.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        self.address.map(|address| format!("http://{address}"))
    }

    /// Injects the fault until [`Proxy::heal`].
    pub fn fault(&self, fault: Fault) {
        self.shared.fault.send_replace(Some(fault));
    }

    /// Ends the fault, and closes the connections that hang.
    pub fn heal(&self) {
        self.shared.fault.send_replace(None);
    }

    /// Waits until the engine has answered every request that was forwarded to it.
    pub async fn settle(&self) {
        let mut in_flight = self.shared.in_flight.subscribe();
        let _ = in_flight.wait_for(|count| *count == 0).await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    fn new(target: Target) -> Arc<Self> {
        Arc::new(Self {
            target,
            fault: watch::Sender::new(None),
            in_flight: watch::Sender::new(0),
        })
    }

    async fn exchange(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, io::Error> {
        let fault = *self.fault.borrow();
        match fault {
            None => self.forward(request).await,
            Some(Fault::LostAnswer(operation)) => {
                let is_lost = matches(&request, operation);
                let response = Arc::clone(&self).forward(request).await?;
                if !is_lost {
                    return Ok(response);
                }
                // The engine has finished only after its complete answer.
                let _ = response.into_body().collect().await;
                self.fault.send_replace(None);
                Err(cut())
            }
            Some(Fault::Cut) => Err(cut()),
            Some(Fault::Hang) => {
                let mut fault = self.fault.subscribe();
                let healed = fault
                    .wait_for(|now| *now != Some(Fault::Hang))
                    .await
                    .is_ok();
                if healed { Err(cut()) } else { pending().await }
            }
            Some(Fault::RateLimited(_) | Fault::Unavailable | Fault::NotJson) => {
                fault_response(fault).map_or_else(|| Err(cut()), own)
            }
        }
    }

    /// Runs in its own task, because the engine executes a request even if the client has disconnected.
    async fn forward(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, io::Error> {
        self.in_flight.send_modify(|count| *count += 1);
        let forwarding = tokio::spawn(async move {
            let response = self.target.send(request).await;
            self.in_flight.send_modify(|count| *count -= 1);
            response
        });
        let response = forwarding.await.map_err(io::Error::other)??;
        Ok(response.map(Either::Left))
    }
}

impl Target {
    async fn send(&self, request: Request<Incoming>) -> Result<Response<Incoming>, io::Error> {
        match self {
            Self::Address(address) => send(TcpStream::connect(address).await?, request).await,
            Self::Socket(path) => send(UnixStream::connect(path).await?, request).await,
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, shared: Arc<Shared>) {
    let exchange = service_fn(|request| Arc::clone(&shared).exchange(request));
    let connection = hyper::server::conn::http1::Builder::new();
    // A client that disconnected and a fault both end a connection with an error.
    let _ = connection
        .serve_connection(TokioIo::new(stream), exchange)
        .await;
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Incoming>,
) -> Result<Response<Incoming>, io::Error> {
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(io::Error::other)?;
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(io::Error::other)
}

/// Whether a request is this operation: its method, and a part of its path.
fn matches(request: &Request<Incoming>, operation: &str) -> bool {
    let (method, part) = operation.split_once(' ').unwrap_or((operation, ""));
    request.method() == method && request.uri().path().contains(part)
}

fn own(response: FakeResponse) -> Result<Response<Body>, io::Error> {
    Ok(response.into_http()?.map(Either::Right))
}

fn cut() -> io::Error {
    io::Error::other("connection closed by a fault")
}
