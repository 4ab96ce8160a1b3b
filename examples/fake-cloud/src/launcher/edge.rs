//! The edge in front of a service: it keeps one port for the lifetime of a domain and forwards bytes to
//! the running container. Without one it answers 502 in HTML, as the vendor's edge does.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Running;
use crate::http::send_last;
use crate::sync::lock;

const BAD_GATEWAY: &[u8] = b"HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\n\
content-length: 55\r\nconnection: close\r\n\r\n\
<html><body>Application failed to respond</body></html>";

/// The running container of a service, shared by all domains of the service.
#[derive(Debug, Default)]
pub(crate) struct Slot(Mutex<Option<Occupant>>);

#[derive(Debug)]
struct Occupant {
    running: Box<dyn Running>,
    connections: CancellationToken,
    _end: DropGuard,
}

impl Slot {
    /// Replaces the container. The previous one stops, and its connections are closed.
    pub(crate) fn put(&self, running: Box<dyn Running>) {
        let connections = CancellationToken::new();
        let end = connections.clone().drop_guard();
        *lock(&self.0) = Some(Occupant {
            running,
            connections,
            _end: end,
        });
    }

    /// Stops the container, if any.
    pub(crate) fn clear(&self) {
        *lock(&self.0) = None;
    }

    /// Whether a container is running.
    pub(crate) fn occupied(&self) -> bool {
        lock(&self.0).is_some()
    }

    fn target(&self) -> Option<(SocketAddr, CancellationToken)> {
        let slot = lock(&self.0);
        let occupant = slot.as_ref()?;
        Some((occupant.running.address(), occupant.connections.clone()))
    }
}

/// The listener of a domain. Dropping it closes the port.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) address: SocketAddr,
    _open: DropGuard,
}

impl Edge {
    /// Binds a free port of 127.0.0.1 for a service.
    pub(crate) fn open(slot: Arc<Slot>) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let open = stop.clone().drop_guard();
        let accept = accept(TcpListener::from_std(listener)?, slot);
        tokio::spawn(async move { stop.run_until_cancelled(accept).await });
        Ok(Self {
            address,
            _open: open,
        })
    }
}

async fn accept(listener: TcpListener, slot: Arc<Slot>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => drop(tokio::spawn(pass(client, slot.target()))),
            // For example, out of file descriptors: an immediate retry would fail again.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
}

async fn pass(mut client: TcpStream, target: Option<(SocketAddr, CancellationToken)>) {
    let Some((address, end)) = target else {
        return refuse(client).await;
    };
    let Ok(mut container) = TcpStream::connect(address).await else {
        return refuse(client).await;
    };
    // If either side closes, close the other. Errors are expected: connections are cut on purpose.
    let both = copy_bidirectional(&mut client, &mut container);
    drop(end.run_until_cancelled(both).await);
}

async fn refuse(mut client: TcpStream) {
    let asked = client.read(&mut [0; 4096]).await;
    if asked.is_ok() {
        // The caller may be gone.
        drop(send_last(client, BAD_GATEWAY).await);
    }
}
