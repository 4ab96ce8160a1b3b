//! The HTTP proxy in front of everything that one process calls: it is the `HTTP_PROXY` of the process, and every
//! request to vendors, instances and Services passes here.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::interceptor::{Action, Interceptor};
use crate::label;

/// The host name for the replicas of Services, wherever they listen now.
///
/// These are names and not addresses, because calls to local addresses never go through a proxy.
pub(crate) const SERVICES: &str = "services.lab";
/// The host name for the vendors.
pub(crate) const VENDORS: &str = "vendors.lab";
/// The host name of every instance; the port says which one.
pub(crate) const INSTANCES: &str = "instances.lab";

/// The addresses behind the names of the lab, shared by all proxies of a system.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    services: Mutex<(Vec<SocketAddr>, usize)>,
    cloud: Mutex<Option<String>>,
}

impl Directory {
    /// Sets the running replicas of Services.
    pub(crate) fn services_are(&self, all: Vec<SocketAddr>) {
        self.services
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0 = all;
    }

    /// Sets the host and port of the vendors.
    pub(crate) fn cloud_is(&self, authority: String) {
        *self.cloud.lock().unwrap_or_else(PoisonError::into_inner) = Some(authority);
    }

    /// The next replica of Services, round robin.
    fn service(&self) -> Option<SocketAddr> {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, turn) = &mut *services;
        *turn += 1;
        all.get(*turn % all.len().max(1)).copied()
    }

    /// The address behind a name of the lab; `None` while no replica of Services runs.
    fn real(&self, uri: &Uri) -> Option<String> {
        let authority = uri.authority()?;
        let real = match authority.host() {
            SERVICES => self.service()?.to_string(),
            VENDORS => {
                let cloud = self.cloud.lock().unwrap_or_else(PoisonError::into_inner);
                cloud.clone()?
            }
            INSTANCES => format!("127.0.0.1:{}", authority.port_u16()?),
            _ => authority.to_string(),
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Some(format!("http://{real}{path}"))
    }

    /// The label of a request.
    fn label(uri: &Uri, method: &str, body: &[u8]) -> String {
        let host = uri.authority().map_or("", |authority| authority.as_str());
        if host == SERVICES {
            return label::request("services", method, uri.path(), b"");
        }
        if host != VENDORS {
            return label::request("instance", method, uri.path(), b"");
        }
        let path = uri.path().trim_start_matches('/');
        let (vendor, path) = path.split_once('/').unwrap_or((path, ""));
        label::request(vendor, method, &format!("/{path}"), body)
    }
}

/// A running proxy; it ends with its connections when it is dropped.
#[derive(Debug)]
pub(crate) struct HttpProxy {
    address: SocketAddr,
    _accepting: AbortOnDropHandle<()>,
}

/// The connection is closed without an answer, as after a kill.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut")
    }
}

impl std::error::Error for Cut {}

impl From<Infallible> for Cut {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

#[derive(Debug)]
struct Way {
    interceptor: Arc<Interceptor>,
    directory: Arc<Directory>,
    client: reqwest::Client,
}

impl HttpProxy {
    /// Opens the proxy of the process that `interceptor` watches.
    pub(crate) async fn open(
        interceptor: Arc<Interceptor>,
        directory: Arc<Directory>,
        client: reqwest::Client,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let way = Arc::new(Way {
            interceptor,
            directory,
            client,
        });
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&way)));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self {
            address,
            _accepting: AbortOnDropHandle::new(accepting),
        })
    }

    /// The value of `HTTP_PROXY`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn serve(stream: TcpStream, way: Arc<Way>) {
    let service = service_fn(move |request| pass(Arc::clone(&way), request));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // An error is expected here: the connection was cut on purpose, or the process was killed.
    let _ = connection.await;
}

async fn pass(way: Arc<Way>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Cut> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
    let label = Directory::label(&parts.uri, parts.method.as_str(), &body);
    let action = way.interceptor.step(&label);
    if action == Action::Before {
        way.interceptor.kill();
        return Err(Cut);
    }
    if action == Action::Hold && !way.interceptor.wait_for_release().await {
        return Err(Cut);
    }
    let answer = way.forward(parts, body).await;
    if action == Action::After {
        way.interceptor.kill();
        return Err(Cut);
    }
    answer
}

impl Way {
    async fn forward(
        &self,
        parts: hyper::http::request::Parts,
        body: Bytes,
    ) -> Result<Response<Full<Bytes>>, Cut> {
        let url = self.directory.real(&parts.uri).ok_or(Cut)?;
        let mut headers = parts.headers;
        for name in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
            headers.remove(name);
        }
        let request = self.client.request(parts.method, url).headers(headers);
        let answer = request.body(body).send().await.map_err(|_| Cut)?;
        let mut response = Response::builder().status(answer.status());
        for (name, value) in answer.headers() {
            if ![CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING].contains(name) {
                response = response.header(name, value);
            }
        }
        let body = answer.bytes().await.map_err(|_| Cut)?;
        response.body(Full::new(body)).map_err(|_| Cut)
    }
}
