//! Binds a port, and accepts connections on it until shutdown.

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::time::{sleep, timeout};
use tracing::warn;
use warp::Filter;
use warp::reply::Response;

use super::Templates;
use super::connection::Routes;
use super::limits::most_connections;
use super::open::OpenConnections;
use crate::auth::TrustedProxies;
use crate::config::ListenHost;
use crate::shutdown::Shutdown;

/// Pause after a failed accept: without free file descriptors the next one would fail too.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Time limit for resolving a name.
const RESOLVE_WITHIN: Duration = Duration::from_secs(3);
/// How long a connection that is open at shutdown may take to send its first request.
const FIRST_REQUEST_WITHIN: Duration = Duration::from_secs(2);
/// Backlog of connections to be accepted.
const BACKLOG: i32 = 1024;

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The port is in use, or not allowed.
    #[error("cannot listen on {address}: set PORT to another port, or to 0 for a free one")]
    Bind {
        /// The address and port.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// A name has no address.
    #[error(
        "{variable} is {name:?}, which cannot be resolved: set it to an address of this machine"
    )]
    Resolve {
        /// The variable that holds the name.
        variable: String,
        /// The name.
        name: String,
        /// The resolver's error.
        source: io::Error,
    },
}

/// A server that is bound to its port but does not serve yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    trusted_proxies: TrustedProxies,
}

impl Bound {
    /// Binds a port of one address; 0 chooses a free one.
    ///
    /// # Errors
    /// The port is in use, or not allowed.
    pub async fn on(host: IpAddr, port: u16) -> Result<Self, ListenError> {
        let address = SocketAddr::new(host, port);
        let failed = |source| ListenError::Bind { address, source };
        Self::from(TcpListener::bind(address).await.map_err(failed)?, address)
    }

    /// Binds the port in the settings.
    ///
    /// # Errors
    /// The port is in use or not allowed, or a name does not resolve.
    pub async fn listen(host: &ListenHost, port: u16) -> Result<Self, ListenError> {
        match host {
            ListenHost::Any => Self::any(port),
            ListenHost::Address(address) => Self::on(*address, port).await,
            ListenHost::Name {
                name,
                variable,
                common,
            } => match resolve(name).await {
                Ok(address) => Self::on(address, port).await,
                Err(error) if *common => {
                    warn!("{variable} is {name:?}, which cannot be resolved ({error}): ignored");
                    Self::any(port)
                }
                Err(source) => Err(ListenError::Resolve {
                    variable: variable.clone(),
                    name: name.clone(),
                    source,
                }),
            },
        }
    }

    /// One socket for IPv6 and IPv4; only IPv4 if the machine has no IPv6.
    fn any(port: u16) -> Result<Self, ListenError> {
        let both = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
        let ipv4 = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
        match dual_stack(both) {
            Err(error) if lacks_ipv6(&error) => {
                let failed = |source| ListenError::Bind {
                    address: ipv4,
                    source,
                };
                Self::from(bind(Domain::IPV4, ipv4).map_err(failed)?, ipv4)
            }
            bound => {
                let failed = |source| ListenError::Bind {
                    address: both,
                    source,
                };
                Self::from(bound.map_err(failed)?, both)
            }
        }
    }

    fn from(listener: TcpListener, asked: SocketAddr) -> Result<Self, ListenError> {
        let failed = |source| ListenError::Bind {
            address: asked,
            source,
        };
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            address,
            trusted_proxies: TrustedProxies::default(),
        })
    }

    /// The address that it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Trusts the `X-Forwarded-For` of these proxies.
    #[must_use]
    pub fn behind(self, trusted_proxies: TrustedProxies) -> Self {
        Self {
            trusted_proxies,
            ..self
        }
    }

    /// Prints the line that scripts and tests wait for.
    pub fn announce(&self) {
        let mut stdout = io::stdout().lock();
        let port = self.address.port();
        let printed = writeln!(stdout, "listening on http://127.0.0.1:{port}");
        if let Err(error) = printed.and_then(|()| stdout.flush()) {
            warn!("stdout is closed ({error}): listening on port {port}");
        }
    }

    /// Serves until shutdown, then finishes the requests in flight.
    pub async fn serve<F>(self, filter: F, templates: Templates, shutdown: Shutdown)
    where
        F: Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static,
        F::Future: Send,
    {
        let routes = Routes {
            filter,
            templates,
            trusted_proxies: self.trusted_proxies.clone(),
            guesses: Arc::default(),
        };
        let connections = OpenConnections::new(most_connections());
        let open = GracefulShutdown::new();
        loop {
            let accepted = async {
                connections.room().await;
                self.accept().await
            };
            let (stream, peer) = tokio::select! {
                accepted = accepted => accepted,
                () = shutdown.wait() => break,
            };
            let served = routes
                .clone()
                .serve(stream, peer, connections.add(), open.watcher());
            // The only bare spawn: a connection may end at any time, and `open` waits for it.
            tokio::spawn(served);
        }
        // Clients may have connected before they could notice the shutdown: the system would reset connections that are
        // not accepted yet.
        for (stream, peer) in not_accepted_yet(self.listener) {
            let served = routes
                .clone()
                .serve(stream, peer, connections.add(), open.watcher());
            tokio::spawn(served);
        }
        let first_requests = connections.first_requests();
        let _ = timeout(FIRST_REQUEST_WITHIN.min(shutdown.left()), first_requests).await;
        connections.evict_idle();
        if timeout(shutdown.left(), open.shutdown()).await.is_err() {
            warn!("aborting requests still in flight: see SHUTDOWN_TIMEOUT_MS");
        }
    }

    async fn accept(&self) -> (TcpStream, IpAddr) {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    // Responses are small and complete, so there is no point in delaying them.
                    let _ = stream.set_nodelay(true);
                    return (stream, peer.ip());
                }
                Err(error) => {
                    warn!("cannot accept a connection: {error}");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Closes a port, and returns the connections that the system accepted on it meanwhile.
fn not_accepted_yet(listener: TcpListener) -> Vec<(TcpStream, IpAddr)> {
    let mut waiting = Vec::new();
    let Ok(listener) = listener.into_std() else {
        return waiting;
    };
    // Non-blocking: an error means that the queue is empty.
    while let Ok((stream, peer)) = listener.accept() {
        let nonblocking = stream.set_nonblocking(true);
        if let Ok(stream) = nonblocking.and_then(|()| TcpStream::from_std(stream)) {
            waiting.push((stream, peer.ip()));
        }
    }
    waiting
}

async fn resolve(name: &str) -> io::Result<IpAddr> {
    let look_up = timeout(RESOLVE_WITHIN, lookup_host((name, 0)));
    let mut found = look_up.await.map_err(|_| io::ErrorKind::TimedOut)??;
    let first = found.next().ok_or(io::ErrorKind::NotFound)?;
    Ok(first.ip())
}

fn dual_stack(address: SocketAddr) -> io::Result<TcpListener> {
    bind(Domain::IPV6, address)
}

fn bind(domain: Domain, address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if domain == Domain::IPV6 {
        // The system's default (net.ipv6.bindv6only) may be either.
        socket.set_only_v6(false)?;
    }
    // Like tokio's own bind: a restart does not wait for old connections to expire.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// A kernel without IPv6 refuses the socket; one with IPv6 disabled refuses the address.
fn lacks_ipv6(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.kind() == io::ErrorKind::Unsupported
        || error.raw_os_error() == Some(EAFNOSUPPORT)
}

const EAFNOSUPPORT: i32 = if cfg!(target_os = "linux") { 97 } else { 47 };
