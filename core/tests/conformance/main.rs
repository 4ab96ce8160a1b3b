//! The conformance suite, tried on a provider that keeps every promise and on ones that break one each.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which are allowed to"
)]

mod account;
mod flaw;
mod infra;
mod tool;
mod vendor;

use agent_pool_core::conformance::{self, Outcome, Report};

use flaw::Flaw;

fn outcome_of<'r>(report: &'r Report, case: &str) -> &'r Outcome {
    let row = report.rows().iter().find(|row| row.case == case);
    &row.unwrap_or_else(|| panic!("no case is called {case}"))
        .outcome
}

/// The report has this case as broken, and says which promise broke and why it matters.
fn found_out(report: &Report, case: &str, flaw: Flaw) {
    let broken = report.failed().find(|row| row.case == case);
    let row = broken.unwrap_or_else(|| panic!("{case} does not find {flaw:?} out:\n{report}"));
    let told = report.to_string();
    assert!(
        told.contains(row.promise) && told.contains(row.matters),
        "{told}"
    );
    assert!(
        !told.contains(vendor::KEY),
        "the report shows the key:\n{told}"
    );
}

/// Each case of the suite is broken by one of the table.
fn each_is_broken(report: &Report, table: &[(&str, Flaw)]) {
    for row in report.rows() {
        let broken = table.iter().any(|(case, _)| *case == row.case);
        assert!(
            broken,
            "no broken provider shows that {} finds anything",
            row.case
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_keeps_every_promise_passes_every_case() {
    let report = conformance::tool(&tool::AtVendor::good()).await;
    report.assert();
    assert!(
        report.rows().iter().all(|row| row.outcome == Outcome::Kept),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_infra_that_keeps_every_promise_passes_every_case() {
    let report = conformance::infra(&infra::AtVendor::good()).await;
    report.assert();
    assert!(
        report.rows().iter().all(|row| row.outcome == Outcome::Kept),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn each_promise_that_a_tool_breaks_is_found_out() {
    each_is_broken(
        &conformance::tool(&tool::AtVendor::good()).await,
        flaw::OF_TOOLS,
    );
    for (case, flaw) in flaw::OF_TOOLS {
        found_out(
            &conformance::tool(&tool::AtVendor::with(*flaw)).await,
            case,
            *flaw,
        );
    }
}

#[tokio::test(start_paused = true)]
async fn each_promise_that_an_infra_breaks_is_found_out() {
    each_is_broken(
        &conformance::infra(&infra::AtVendor::good()).await,
        flaw::OF_INFRA,
    );
    for (case, flaw) in flaw::OF_INFRA {
        found_out(
            &conformance::infra(&infra::AtVendor::with(*flaw)).await,
            case,
            *flaw,
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_harness_cannot_do_is_told_with_the_reason() {
    let report = conformance::tool(&tool::AtVendor::without_faults()).await;
    for case in ["lost_answer", "half_made", "unavailable", "deadline"] {
        let why = Outcome::NotApplicable("this vendor never fails".to_owned());
        assert_eq!(outcome_of(&report, case), &why);
    }
    assert_eq!(
        outcome_of(&report, "wrong_key"),
        &Outcome::Kept,
        "it needs no fault"
    );
}
