//! The ports of a service: its API, and its metrics if they have a separate port.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::interval;
use warp::Filter;
use warp::reply::Response;

use super::{Bound, ListenError, Templates};
use crate::config::HttpSettings;
use crate::metrics::Metrics;
use crate::problem::unrouted;
use crate::shutdown::Shutdown;
use crate::supervisor::Supervisor;
use crate::{health, metrics};

/// How often histograms are aggregated, even if nobody reads them.
const FOLD_EVERY: Duration = Duration::from_secs(10);

/// The ports of a service, bound but not served yet.
#[derive(Debug)]
pub struct Listeners {
    api: Bound,
    metrics: Option<Bound>,
}

impl Listeners {
    /// Binds the ports in `settings`.
    ///
    /// # Errors
    /// A port cannot be bound.
    pub async fn bind(settings: &HttpSettings) -> Result<Self, ListenError> {
        let api = Bound::listen(&settings.host, settings.port)
            .await?
            .behind(settings.trusted_proxies.clone());
        let metrics = match settings.metrics_port {
            Some(port) => Some(Bound::listen(&settings.host, port).await?),
            None => None,
        };
        Ok(Self { api, metrics })
    }

    /// Serves `routes` until shutdown, then finishes the requests in flight.
    ///
    /// Prints `listening on http://127.0.0.1:PORT` first.
    pub async fn serve<F>(self, routes: F, templates: Templates, supervisor: &Supervisor)
    where
        F: Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static,
        F::Future: Send,
    {
        let shutdown = supervisor.shutdown().clone();
        let metrics = metrics::install();
        if let Some(bound) = self.metrics {
            let open = health::open_metrics(metrics.clone())
                .recover(unrouted)
                .unify();
            let served = bound.serve(open, Templates::new(&[]), shutdown.clone());
            drop(supervisor.spawn("metrics-server", served));
        }
        supervisor.keep("metrics-fold", move |shutdown| {
            fold(metrics.clone(), shutdown)
        });
        self.api.announce();
        self.api.serve(routes, templates, shutdown).await;
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
