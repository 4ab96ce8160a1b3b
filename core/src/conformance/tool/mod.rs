//! The suite for tools: the promises of all providers, and those of tools.

mod cases;
mod subject;

use super::case::run;
use super::harness::ToolHarness;
use super::report::Report;
use super::{answers, faults, list, make, remove, secrets};
use subject::ToolSubject;

/// Runs the suite on a tool provider, case after case.
///
/// # Panics
/// When the provider cannot be built from the harness's settings, or the machine has no TLS roots.
#[expect(
    clippy::expect_used,
    reason = "test support: without a provider there is nothing to test"
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
