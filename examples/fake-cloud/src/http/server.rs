//! The server: a task for each connection; an answer is sent completely or not at all.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hyper::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::debug;

use super::{Answer, Request};

/// Close the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("connection cut by a fault")]
pub(crate) struct Cut;

impl From<Infallible> for Cut {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// A running server. Dropping it stops the server and closes its connections.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    _running: DropGuard,
}

impl Server {
    /// Binds 127.0.0.1 (port 0 picks a free one) and serves.
    pub(crate) async fn start<H, F>(port: u16, handle: H) -> io::Result<Self>
    where
        H: Fn(Request) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Answer, Cut>> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let running = stop.clone().drop_guard();
        tokio::spawn(accept(listener, Arc::new(handle), stop));
        Ok(Self {
            address,
            _running: running,
        })
    }
}

async fn accept<H, F>(listener: TcpListener, handle: Arc<H>, stop: CancellationToken)
where
    H: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Answer, Cut>> + Send + 'static,
{
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(stream, Arc::clone(&handle));
                let stop = stop.clone();
                tokio::spawn(async move { stop.run_until_cancelled(connection).await });
            }
            Err(error) => debug!(%error, "connection not accepted"),
        }
    }
}

async fn connection<H, F>(stream: TcpStream, handle: Arc<H>)
where
    H: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Answer, Cut>> + Send + 'static,
{
    let service = service_fn(move |request| {
        let handle = Arc::clone(&handle);
        async move {
            let answer = match Request::read(request).await {
                Ok(request) => handle(request).await?,
                Err(error) => Answer::text(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "text/plain",
                    error.to_string(),
                ),
            };
            Ok::<_, Cut>(answer.into_response())
        }
    });
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        debug!(%error, "connection ended early");
    }
}
