//! The metrics of this service.

use agent_pool_core::metrics::MetricSpec;

/// What services-svc records, besides what every service does.
pub const METRICS: &[MetricSpec] = &[
    MetricSpec::counter(
        "agent_pool_builds_total",
        &["outcome"],
        "Requests to create an instance that ended; outcome is created or the step that failed",
    ),
    MetricSpec::counter(
        "agent_pool_recovered_total",
        &["what"],
        "Operations of a process that ended, which another one finished or undid",
    ),
    MetricSpec::gauge(
        "agent_pool_runtime_keys_refused",
        &[],
        "Instances that refused their key at the last check",
    ),
    MetricSpec::gauge(
        "agent_pool_orphans",
        &["provider"],
        "Resources of vendors with our mark and without a row, by the last sweep",
    ),
    MetricSpec::gauge(
        "agent_pool_missing",
        &["provider"],
        "Resources that rows know and vendors do not list, by the last sweep",
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
        "Webhooks of vendors that were received; outcome is fresh or repeated",
    ),
];
