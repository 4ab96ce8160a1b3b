//! Access to the cluster's network from outside.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use super::cluster::FakeCluster;
use crate::http::send_last;

/// An HTTP proxy into the network of a cluster: through it `http://NAME.NAMESPACE.svc:8080` leads to the pod of that service.
/// Dropping it stops the proxy.
#[derive(Debug)]
pub struct Network {
    url: String,
    _task: AbortOnDropHandle<()>,
}

impl Network {
    /// Starts it on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(cluster: Arc<FakeCluster>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(forward(stream, Arc::clone(&cluster)));
            }
        });
        Ok(Self {
            url,
            _task: AbortOnDropHandle::new(task),
        })
    }

    /// The value of `HTTP_PROXY`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// A connection serves one request, because the next one may be to another pod.
async fn forward(mut stream: TcpStream, cluster: Arc<FakeCluster>) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let line = String::from_utf8(head).ok()?;
    let host = line.split("http://").nth(1)?.split(['.', '/']).next()?;
    let Some(address) = cluster.address(&format!("{host}-0")) else {
        let answer = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        return send_last(stream, answer).await.ok();
    };
    let mut pod = TcpStream::connect(address).await.ok()?;
    let first = format!("{line}connection: close\r\n");
    pod.write_all(first.as_bytes()).await.ok()?;
    copy_bidirectional(&mut stream, &mut pod)
        .await
        .ok()
        .map(drop)
}
