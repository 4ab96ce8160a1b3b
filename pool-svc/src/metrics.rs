//! The metrics of this service.

use agent_pool_core::metrics::MetricSpec;

/// What pool-svc records, besides what every service does.
pub const METRICS: &[MetricSpec] = &[
    MetricSpec::gauge(
        "agent_pool_instances",
        &["pool", "status"],
        "Instances of each pool in each status, as the last tick of this replica counted them",
    ),
    MetricSpec::counter(
        "agent_pool_claims_total",
        &["launch", "outcome"],
        "Claims that ended; launch is warm, waited or none; outcome is claimed, pending_acceptance or the code of the problem",
    ),
    MetricSpec::histogram(
        "agent_pool_claim_seconds",
        &["launch", "outcome"],
        "Duration of a claim, including its wait",
    ),
    MetricSpec::histogram(
        "agent_pool_claim_step_seconds",
        &["step", "launch"],
        "Duration of each step of a claim: taken, configured, provisioned, recorded",
    ),
    MetricSpec::gauge(
        "agent_pool_claims_waiting",
        &[],
        "Claims that wait on this replica for an idle instance",
    ),
    MetricSpec::histogram(
        "agent_pool_claim_wait_seconds",
        &[],
        "Time that a claim spent in the queue, whether it got an instance or not",
    ),
    MetricSpec::counter(
        "agent_pool_creations_total",
        &["outcome"],
        "Instance creations that ended; outcome is created or failed",
    ),
    MetricSpec::histogram(
        "agent_pool_warm_up_seconds",
        &[],
        "Time from the beginning of a creation until the instance is idle",
    ),
    MetricSpec::counter("agent_pool_ticks_total", &[], "Ticks that this replica ran"),
    MetricSpec::histogram("agent_pool_tick_seconds", &[], "Duration of a tick"),
    MetricSpec::histogram(
        "agent_pool_tick_lag_seconds",
        &[],
        "Delay of a tick behind its schedule",
    ),
    MetricSpec::gauge(
        "agent_pool_fleet_in_doubt",
        &[],
        "1 while too many instances look dead at once, or Services does not answer, so that none is replaced",
    ),
    MetricSpec::gauge(
        "agent_pool_foreign_instances",
        &[],
        "Instances in Services that never belonged to this pool",
    ),
    MetricSpec::counter(
        "agent_pool_runtime_key_refusals_total",
        &[],
        "Runtimes that refused the key of their instance",
    ),
    MetricSpec::gauge(
        "agent_pool_target_instances",
        &["pool"],
        "Idle instances that a pool with an objective wants; NaN once it has none",
    ),
    MetricSpec::gauge(
        "agent_pool_expected_claims_per_minute",
        &["pool"],
        "Claims that a pool with an objective expects; NaN once it has none",
    ),
    MetricSpec::gauge(
        "agent_pool_budget_spent_dollars",
        &["pool"],
        "US dollars that a pool with a budget has spent in its current day or month; NaN once it has none",
    ),
    MetricSpec::gauge(
        "agent_pool_budget_dollars",
        &["pool"],
        "The budget of a pool, in US dollars for its day or month; NaN once it has none",
    ),
    MetricSpec::counter(
        "agent_pool_webhooks_total",
        &["outcome"],
        "Attempts to deliver an event to an endpoint",
    ),
];
