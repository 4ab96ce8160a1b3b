//! A case, and the run of all cases.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::bench::Bench;
use super::report::{Outcome, Report, Row};
use super::subject::Subject;
use super::verdict::{Tried, Verdict};
use crate::panic::caught;

/// The time limit of a case.
const CASE_LIMIT: Duration = Duration::from_secs(300);

/// The run of one case.
pub(super) type Running<'a> = Pin<Box<dyn Future<Output = Tried> + Send + 'a>>;

/// One promise, and its test.
pub(super) struct Case<S> {
    pub(super) name: &'static str,
    pub(super) promise: &'static str,
    pub(super) matters: &'static str,
    pub(super) run: for<'a> fn(&'a Bench<S>) -> Running<'a>,
}

/// Runs the cases one after the other.
#[expect(
    clippy::expect_used,
    reason = "test support: no vendor can be called without a client"
)]
pub(super) async fn run<S: Subject>(
    provider: &'static str,
    cases: Vec<Case<S>>,
    fresh: impl Fn() -> S,
) -> Report {
    let http = crate::http::client().expect("the machine has TLS roots");
    let mut rows = Vec::new();
    for case in cases {
        let bench = Bench::new(fresh(), &http).await;
        let tried = ended((case.run)(&bench)).await;
        bench.subject.harness().heal().await;
        let cleaned = ended(async {
            bench.clean_up().await;
            Ok(())
        });
        let outcome = match tried.and(cleaned.await) {
            Ok(()) => Outcome::Kept,
            Err(Verdict::Broken(how)) => Outcome::Broken(bench.redacted(how)),
            Err(Verdict::NotApplicable(why)) => Outcome::NotApplicable(why),
        };
        rows.push(Row {
            case: case.name,
            promise: case.promise,
            matters: case.matters,
            outcome,
        });
    }
    Report { provider, rows }
}

/// Runs a part of a case. A provider that hangs or panics fails that case and no other.
async fn ended(part: impl Future<Output = Tried>) -> Tried {
    match tokio::time::timeout(CASE_LIMIT, caught(part)).await {
        Ok(Ok(tried)) => tried,
        Ok(Err(panicked)) => Err(Verdict::Broken(format!("the provider {panicked}"))),
        Err(_) => Err(Verdict::Broken(format!(
            "it did not end within {CASE_LIMIT:?}"
        ))),
    }
}
