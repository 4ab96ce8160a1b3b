//! A plain TCP balancer: it does not know HTTP or health, and tries the next server if one does not accept.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// Stops with its last handle.
#[derive(Debug)]
pub(super) struct Balancer {
    address: SocketAddr,
    servers: Arc<Servers>,
    _serving: AbortOnDropHandle<()>,
}

#[derive(Debug, Default)]
struct Servers {
    addresses: Mutex<Vec<SocketAddr>>,
    next: AtomicUsize,
}

impl Servers {
    /// All addresses, starting with the next one each time.
    fn in_turn(&self) -> Vec<SocketAddr> {
        let addresses = self.addresses.lock();
        let mut addresses = addresses.unwrap_or_else(PoisonError::into_inner).clone();
        if !addresses.is_empty() {
            let first = self.next.fetch_add(1, Ordering::Relaxed) % addresses.len();
            addresses.rotate_left(first);
        }
        addresses
    }

    async fn serve(&self, mut client: TcpStream) {
        for address in self.in_turn() {
            if let Ok(mut server) = TcpStream::connect(address).await {
                // Errors are left to the client, which sees the end of its connection.
                let _ = copy_bidirectional(&mut client, &mut server).await;
                return;
            }
        }
    }
}

impl Balancer {
    pub(super) async fn open() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let servers = Arc::new(Servers::default());
        let shared = Arc::clone(&servers);
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move { shared.serve(client).await });
            }
        });
        Ok(Self {
            address,
            servers,
            _serving: AbortOnDropHandle::new(serving),
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(super) fn servers_are(&self, addresses: Vec<SocketAddr>) {
        let servers = self.servers.addresses.lock();
        *servers.unwrap_or_else(PoisonError::into_inner) = addresses;
    }
}
