//! The suite for infra: the promises of all providers, and those of infra.

mod cases;
mod deploys;
mod options;
mod running;
mod subject;

use super::case::run;
use super::harness::InfraHarness;
use super::report::Report;
use super::{answers, faults, list, make, remove, secrets};
use subject::InfraSubject;

/// Runs the suite on an infra provider, case after case.
///
/// # Panics
/// When the provider cannot be built from the harness's settings, or the machine has no TLS roots.
#[expect(
    clippy::expect_used,
    reason = "test support: without a provider there is nothing to test"
)]
pub async fn infra(harness: &dyn InfraHarness) -> Report {
    let fresh = || InfraSubject::new(harness).expect("the harness's settings make a provider");
    run(harness.registration().id, all(), fresh).await
}

pub(super) fn all<'h>() -> Vec<super::case::Case<InfraSubject<'h>>> {
    let shared = [
        make::cases(),
        remove::cases(),
        list::cases(),
        faults::cases(),
        secrets::cases(),
        answers::cases(),
    ];
    let own = [
        deploys::cases(),
        options::cases(),
        cases::cases(),
        running::cases(),
    ];
    shared.into_iter().chain(own).flatten().collect()
}
