//! The metrics of this service.

use agent_pool_core::metrics::MetricSpec;

/// The metrics of services-svc, in addition to those of every service.
pub const METRICS: &[MetricSpec] = &[
    MetricSpec::counter(
        "agent_pool_builds_total",
        &["outcome"],
        "Requests to create an instance that ended; outcome is created or the step that failed",
    ),
    MetricSpec::counter(
        "agent_pool_recovered_total",
        &["what"],
        "Operations of a dead process that another one finished or undid",
    ),
    MetricSpec::gauge(
        "agent_pool_runtime_keys_refused",
        &[],
        "Instances whose runtime refused our key at the last check",
    ),
    MetricSpec::gauge(
        "agent_pool_orphans",
        &["provider"],
        "Resources at vendors that have our mark but no row, by the last sweep",
    ),
    MetricSpec::gauge(
        "agent_pool_missing",
        &["provider"],
        "Resources that have a row but are not listed by their vendor, by the last sweep",
    ),
    MetricSpec::counter(
        "agent_pool_orphans_destroyed_total",
        &["provider"],
        "Orphans that sweeps destroyed",
    ),
    MetricSpec::counter(
        "agent_pool_missing_repaired_total",
        &["provider"],
        "Missing tools that sweeps provisioned again",
    ),
    MetricSpec::counter(
        "agent_pool_vendor_notices_total",
        &["outcome"],
        "Webhooks received from vendors; outcome is fresh or repeated",
    ),
];
