//! Accepting connections until shutdown, then finishing those that are open.

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{interval, sleep, timeout};
use tracing::warn;
use warp::Filter;
use warp::reply::Response;

use super::Templates;
use super::connection::Routes;
use crate::config::HttpSettings;
use crate::metrics::Metrics;
use crate::problem::unrouted;
use crate::shutdown::Shutdown;
use crate::{health, metrics};

/// How often histograms are folded, whether anyone reads them or not.
const FOLD_EVERY: Duration = Duration::from_secs(10);
/// Pause after a failed accept: out of file descriptors, the next would fail as well.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A port that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: set PORT to another port, or to 0 for a free one")]
pub struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

/// A server that has its port and does not serve yet.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

/// Serves `routes` where `settings` say, until `shutdown`, then finishes the requests in flight.
///
/// Prints `listening on http://127.0.0.1:PORT` once it listens. Where the settings name a port for
/// metrics, that is served as well.
///
/// # Errors
/// A port cannot be listened on.
pub async fn serve<F, const PORT: u16>(
    settings: &HttpSettings<PORT>,
    routes: F,
    templates: Templates,
    shutdown: Shutdown,
) -> Result<(), ListenError>
where
    F: Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static,
    F::Future: Send,
{
    let metrics = metrics::install();
    let main = Bound::on(settings.host, settings.port).await?;
    if let Some(port) = settings.metrics_port {
        let open = health::open_metrics(metrics.clone())
            .recover(unrouted)
            .unify();
        let bound = Bound::on(settings.host, port).await?;
        tokio::spawn(bound.serve(open, Templates::new(&[]), shutdown.clone()));
    }
    tokio::spawn(fold(metrics, shutdown.clone()));
    main.announce();
    main.serve(routes, templates, shutdown).await;
    Ok(())
}

impl Bound {
    /// Takes the port; 0 takes a free one.
    ///
    /// # Errors
    /// The port is taken, or not ours to take.
    pub async fn on(host: IpAddr, port: u16) -> Result<Self, ListenError> {
        let wanted = SocketAddr::new(host, port);
        let failed = |source| ListenError {
            address: wanted,
            source,
        };
        let listener = TcpListener::bind(wanted).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The line that scripts and tests wait for.
    fn announce(&self) {
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
        let routes = Routes { filter, templates };
        let open = GracefulShutdown::new();
        loop {
            let stream = tokio::select! {
                stream = self.accept() => stream,
                () = shutdown.wait() => break,
            };
            tokio::spawn(routes.clone().serve(stream, open.watcher()));
        }
        drop(self.listener);
        if timeout(shutdown.left(), open.shutdown()).await.is_err() {
            warn!("requests that are still in flight are cut: see SHUTDOWN_TIMEOUT_MS");
        }
    }

    async fn accept(&self) -> TcpStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    // Answers are small and whole: nothing is gained by holding them back.
                    let _ = stream.set_nodelay(true);
                    return stream;
                }
                Err(error) => {
                    warn!("cannot accept a connection: {error}");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

async fn fold(metrics: Metrics, shutdown: Shutdown) {
    let mut ticks = interval(FOLD_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => metrics.fold(),
            () = shutdown.wait() => return,
        }
    }
}
