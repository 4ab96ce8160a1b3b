//! Metrics of this process, in Prometheus' text format.

use std::sync::OnceLock;

use agent_pool_core::metrics::MetricSpec;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// Upper bounds of every histogram, in seconds: from a row read to a whole warm-up.
const SECONDS: [f64; 12] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0,
];

/// The metrics that every service has, besides those of [`agent_pool_core::metrics::METRICS`].
pub const METRICS: &[MetricSpec] = &[
    MetricSpec::counter(
        "agent_pool_http_requests_total",
        &["route", "method", "status"],
        "Requests that were answered",
    ),
    MetricSpec::histogram(
        "agent_pool_http_request_seconds",
        &["route", "method"],
        "Time to answer a request, a claim's wait included",
    ),
    MetricSpec::counter(
        "agent_pool_auth_failures_total",
        &["reason"],
        "Requests without a valid key; reason held_back means that the address had sent too many wrong ones",
    ),
    MetricSpec::counter(
        "agent_pool_task_restarts_total",
        &["task"],
        "Background tasks that failed and were restarted",
    ),
    MetricSpec::counter(
        "agent_pool_task_panics_total",
        &["task"],
        "Background jobs that panicked",
    ),
    MetricSpec::counter(
        "agent_pool_log_lines_lost_total",
        &[],
        "Log lines that were lost, because the queue was full or stderr could not be written",
    ),
    MetricSpec::gauge(
        "agent_pool_database_connections",
        &["state"],
        "Connections of the pool to the database, in use or idle, when one was last taken",
    ),
    MetricSpec::gauge(
        "agent_pool_database_connections_limit",
        &[],
        "Number of connections that the pool may open",
    ),
    MetricSpec::gauge(
        "agent_pool_database_waiters",
        &[],
        "Callers that waited for a connection when one was last taken",
    ),
    MetricSpec::histogram(
        "agent_pool_database_wait_seconds",
        &[],
        "Time to get a connection from the pool, a new session included",
    ),
];

/// Describes metrics, so that `/metrics` says what each is.
pub fn describe(metrics: &[MetricSpec]) {
    metrics.iter().for_each(MetricSpec::describe);
}

/// The recorded metrics.
#[derive(Clone, Debug)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// All metrics in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Aggregates the samples of histograms into their buckets. Without it, or a [`Metrics::render`], from time to
    /// time, they grow; [`crate::http_server::Listeners::serve`] calls it.
    pub(crate) fn fold(&self) {
        self.0.run_upkeep();
    }
}

/// Records this process's metrics from now on. A further call returns the same ones.
///
/// If the process already has another recorder, that one is kept, and these metrics remain empty.
#[must_use]
pub fn install() -> Metrics {
    static INSTALLED: OnceLock<Metrics> = OnceLock::new();
    INSTALLED
        .get_or_init(|| {
            let recorder = PrometheusBuilder::new()
                .set_buckets(&SECONDS)
                .unwrap_or_default()
                .build_recorder();
            let metrics = Metrics(recorder.handle());
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("another metrics recorder is installed: /metrics stays empty");
            }
            // Start at 0, so that the first loss is an increase.
            metrics::counter!("agent_pool_log_lines_lost_total").absolute(0);
            describe(agent_pool_core::metrics::METRICS);
            describe(METRICS);
            metrics
        })
        .clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_of_install_answers_the_same_metrics() {
        let (one, other) = (install(), install());
        metrics::counter!("agent_pool_test_total").increment(2);
        metrics::histogram!("agent_pool_test_seconds").record(0.02);
        // Metrics are rendered in no order, and other tests record theirs at the same time.
        let lines = |metrics: &Metrics| {
            let text = metrics.render();
            let own = text
                .lines()
                .filter(|line| line.contains("agent_pool_test_"));
            let mut lines: Vec<_> = own.map(str::to_owned).collect();
            lines.sort_unstable();
            lines
        };
        assert_eq!(lines(&one), lines(&other));
        assert!(one.render().contains("agent_pool_test_total 2"));
        assert!(
            one.render()
                .contains("agent_pool_test_seconds_bucket{le=\"0.025\"} 1")
        );
    }
}
