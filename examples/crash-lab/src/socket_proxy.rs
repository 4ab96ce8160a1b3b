//! The proxy between one process and a container engine: two unix sockets, and every request is a step.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use crate::interceptor::{Action, Interceptor};
use crate::label;

/// A running proxy; it ends with its connections when it is dropped.
#[derive(Debug)]
pub(crate) struct SocketProxy {
    _accepting: AbortOnDropHandle<()>,
}

impl SocketProxy {
    /// Opens the proxy of the process that `interceptor` watches, at `listen` and in front of `engine`.
    pub(crate) fn open(
        interceptor: Arc<Interceptor>,
        engine: PathBuf,
        listen: &Path,
    ) -> io::Result<Self> {
        let listener = UnixListener::bind(listen)?;
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&interceptor), engine.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self {
            _accepting: AbortOnDropHandle::new(accepting),
        })
    }
}

async fn serve(stream: UnixStream, interceptor: Arc<Interceptor>, engine: PathBuf) {
    let pass = service_fn(|request| pass(&interceptor, &engine, request));
    let connection = hyper::server::conn::http1::Builder::new();
    // An error is expected here: the connection was cut on purpose, or the process was killed.
    let _ = connection
        .serve_connection(TokioIo::new(stream), pass)
        .await;
}

async fn pass(
    interceptor: &Interceptor,
    engine: &Path,
    request: Request<Incoming>,
) -> io::Result<Response<Full<Bytes>>> {
    let action = interceptor.step(&name(&request));
    if action == Action::Before {
        interceptor.kill();
        return Err(cut());
    }
    if action == Action::Hold && !interceptor.wait_for_release().await {
        return Err(cut());
    }
    let answer = forward(engine, request).await;
    if action == Action::After {
        interceptor.kill();
        return Err(cut());
    }
    answer
}

async fn forward(engine: &Path, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let stream = TokioIo::new(UnixStream::connect(engine).await?);
    let connected = hyper::client::conn::http1::handshake(stream).await;
    let (mut engine, connection) = connected.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let request = Request::from_parts(parts, Full::new(body));
    let answer = engine
        .send_request(request)
        .await
        .map_err(io::Error::other)?;
    let (mut parts, body) = answer.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    // The whole answer is forwarded at once.
    parts.headers.remove(hyper::header::TRANSFER_ENCODING);
    Ok(Response::from_parts(parts, Full::new(body)))
}

/// The label of a request, without the API's version and without names.
fn name(request: &Request<Incoming>) -> String {
    let path = request.uri().path().trim_start_matches('/');
    let (version, rest) = path.split_once('/').unwrap_or(("", path));
    let path = if version.starts_with("v1.") {
        rest
    } else {
        path
    };
    let segments = path.split('/').map(|segment| {
        let named = segment.starts_with("ap-") || segment.starts_with("localhost");
        if named { ":name" } else { segment }
    });
    let path: Vec<&str> = segments.collect();
    label::request("docker", request.method().as_str(), &path.join("/"), b"")
}

fn cut() -> io::Error {
    io::Error::other("cut")
}
