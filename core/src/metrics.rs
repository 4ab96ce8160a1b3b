//! Descriptions of metrics. Each metric is described once, in a table of the crate that records it.
//!
//! Names follow Prometheus' conventions: `agent_pool_`, base units, `_total` for counters. Labels take values from
//! closed sets, never an id. `docs/metrics.md` is generated from these tables.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Whether a metric grows, goes up and down, or is a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows, from zero at the start of a process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution, in seconds.
    Histogram,
}

impl MetricKind {
    /// The name of the kind.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricSpec {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: MetricKind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it counts or measures.
    pub help: &'static str,
}

impl MetricSpec {
    /// A metric that only grows.
    #[must_use]
    pub const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self::new(MetricKind::Counter, name, labels, help)
    }

    /// A metric that goes up and down.
    #[must_use]
    pub const fn gauge(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self::new(MetricKind::Gauge, name, labels, help)
    }

    /// A distribution, in seconds.
    #[must_use]
    pub const fn histogram(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self::new(MetricKind::Histogram, name, labels, help)
    }

    const fn new(
        kind: MetricKind,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            labels,
            help,
        }
    }

    /// Describes the metric to the recorder of this process, for the `# HELP` of `/metrics`.
    pub fn describe(&self) {
        match self.kind {
            MetricKind::Counter => describe_counter!(self.name, self.help),
            MetricKind::Gauge => describe_gauge!(self.name, self.help),
            MetricKind::Histogram => describe_histogram!(self.name, Unit::Seconds, self.help),
        }
    }
}

/// The metrics of the layers around providers.
pub const METRICS: &[MetricSpec] = &[
    MetricSpec::counter(
        "agent_pool_provider_calls_total",
        &["provider", "operation", "outcome"],
        "Calls of a provider, with all their attempts; outcome is ok or the kind of the error",
    ),
    MetricSpec::histogram(
        "agent_pool_provider_calls_seconds",
        &["provider", "operation", "outcome"],
        "Duration of a call of a provider, with all its attempts and waits",
    ),
    MetricSpec::counter(
        "agent_pool_provider_attempts_total",
        &["provider"],
        "Attempts of calls that were sent to a provider",
    ),
    MetricSpec::counter(
        "agent_pool_provider_retries_total",
        &["provider", "operation", "outcome"],
        "Attempts that failed and are repeated; outcome is the kind of the error",
    ),
    MetricSpec::gauge(
        "agent_pool_provider_calls_in_flight",
        &["provider"],
        "Attempts that a provider works on now",
    ),
    MetricSpec::gauge(
        "agent_pool_provider_concurrency_limit",
        &["provider"],
        "Number of attempts that a provider may work on at once: its setting MAX_CONCURRENT",
    ),
    MetricSpec::gauge(
        "agent_pool_provider_rate_limit_per_second",
        &["provider"],
        "Attempts a second that a provider may get: its setting RATE_PER_MINUTE; absent without one",
    ),
    MetricSpec::histogram(
        "agent_pool_provider_limit_wait_seconds",
        &["provider"],
        "Time that an attempt waits for its turn under the limits of its provider",
    ),
    MetricSpec::counter(
        "agent_pool_vendor_items_skipped_total",
        &["provider"],
        "Items of vendors' lists that could not be read",
    ),
];
