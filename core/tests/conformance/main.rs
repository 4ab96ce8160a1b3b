//! Tests of the conformance suite, on a provider that keeps every promise and on ones that each break one.

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

use std::collections::{BTreeMap, BTreeSet};

use agent_pool_core::conformance::{self, Outcome, Report};

use flaw::Flaw;

fn outcome_of<'r>(report: &'r Report, case: &str) -> &'r Outcome {
    let row = report.rows().iter().find(|row| row.case == case);
    &row.unwrap_or_else(|| panic!("no case is called {case}"))
        .outcome
}

/// Requires that each flaw breaks the cases of the table and no other, and that the report says which promise it is
/// and why it matters.
async fn assert_flaws_are_detected(
    table: &[(&'static str, Flaw)],
    run: impl AsyncFn(Flaw) -> Report,
) {
    let mut cases: BTreeMap<String, (Flaw, BTreeSet<&str>)> = BTreeMap::new();
    for (case, flaw) in table {
        let of_flaw = cases.entry(format!("{flaw:?}"));
        of_flaw.or_insert((*flaw, BTreeSet::new())).1.insert(case);
    }
    let mut wrong = Vec::new();
    for (name, (flaw, expected)) in cases {
        let report = run(flaw).await;
        let failed: BTreeSet<&str> = report.failed().map(|row| row.case).collect();
        if failed != expected {
            wrong.push(format!("{name} breaks {failed:?} and not {expected:?}"));
        }
        let message = report.to_string();
        for row in report.failed() {
            let said = message.contains(row.promise) && message.contains(row.matters);
            assert!(said, "{message}");
        }
        assert!(
            !message.contains(vendor::KEY),
            "it shows the key:\n{message}"
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Requires that each case of the suite is broken by some flaw.
fn each_is_broken(report: &Report, table: &[(&str, Flaw)]) {
    for row in report.rows() {
        let case = row.case;
        let broken = table.iter().any(|(other, _)| *other == case);
        assert!(
            broken,
            "no broken provider shows that {case} finds anything"
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
    let table = flaw::OF_TOOLS;
    assert_flaws_are_detected(table, async |flaw| {
        conformance::tool(&tool::AtVendor::with(flaw)).await
    })
    .await;
    each_is_broken(&conformance::tool(&tool::AtVendor::good()).await, table);
}

#[tokio::test(start_paused = true)]
async fn each_promise_that_an_infra_breaks_is_found_out() {
    let table = flaw::OF_INFRA;
    assert_flaws_are_detected(table, async |flaw| {
        conformance::infra(&infra::AtVendor::with(flaw)).await
    })
    .await;
    each_is_broken(&conformance::infra(&infra::AtVendor::good()).await, table);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_panics_fails_its_case_and_ends_no_run() {
    let report = conformance::tool(&tool::AtVendor::with(Flaw::PanicsInUsage)).await;
    let panicked = "the provider panicked: no such counter".to_owned();
    assert_eq!(
        outcome_of(&report, "capabilities"),
        &Outcome::Broken(panicked)
    );
    assert_eq!(report.failed().count(), 1, "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_missing_hook_is_not_applicable_with_the_reason() {
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
