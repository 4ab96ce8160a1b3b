//! The operations that every service has.

use agent_pool_core::wire::problem::ProblemCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::Operation;

/// The response of a successful probe.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub(crate) struct Alive {
    /// Always true: a failure is a problem.
    pub(crate) ok: bool,
}

/// The operations of [`crate::health::probes`] and of [`super::routes`].
#[must_use]
pub fn common_operations() -> Vec<Operation> {
    vec![
        Operation::get("/healthz", "alive", "Check that the process runs")
            .answers::<Alive>("It runs."),
        Operation::get("/readyz", "ready", "Check that the service can work")
            .answers::<Alive>("It can.")
            .problems(&[ProblemCode::NotReady]),
        Operation::get("/metrics", "metrics", "Metrics for Prometheus")
            .key()
            .answers_text("text/plain", "Metrics in Prometheus' text format."),
        Operation::get("/openapi.json", "openapi", "This document").answers::<serde_json::Map<
            String,
            serde_json::Value,
        >>(
            "An OpenAPI 3.1 document."
        ),
        Operation::get("/openapi", "openapi_page", "A page to read this document")
            .answers_text("text/html", "A self-contained page."),
    ]
}
