//! The suite for tools: what all providers promise, and what only tools do.

mod cases;
mod subject;

use super::case::run;
use super::harness::ToolHarness;
use super::report::Report;
use super::{answers, faults, list, make, remove, secrets};
use subject::ToolSubject;

/// Runs the suite on a tool provider, case after case.
///
/// ```
/// # use agent_pool_core::{conformance, doctest::{AtNothing, run}};
/// # let harness = AtNothing;
/// # run(async {
/// // In a test: `conformance::tool(&harness).await.assert()`.
/// let report = conformance::tool(&harness).await;
/// assert!(report.failed().count() > 0, "a tool without a vendor is found out");
/// # });
/// ```
///
/// # Panics
/// When the provider cannot be built from the harness's settings, or the machine has no TLS roots.
#[expect(
    clippy::expect_used,
    reason = "test support: without a provider there is nothing to try"
)]
pub async fn tool(harness: &dyn ToolHarness) -> Report {
    let fresh = || ToolSubject::new(harness).expect("the harness's settings make a provider");
    run(harness.registration().id, all(), fresh).await
}

pub(super) fn all<'h>() -> Vec<super::case::Case<ToolSubject<'h>>> {
    let shared = [
        make::cases(),
        remove::cases(),
        list::cases(),
        faults::cases(),
        secrets::cases(),
        answers::cases(),
    ];
    shared.into_iter().flatten().chain(cases::cases()).collect()
}
