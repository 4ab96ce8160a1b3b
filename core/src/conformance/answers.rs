//! Cases about what a provider declares: its settings and its capabilities.

use super::bench::Bench;
use super::case::Case;
use super::subject::Subject;
use super::verdict::{Tried, Verdict, ensure};
use crate::{ErrorKind, ProviderError};

pub(super) fn cases<S: Subject>() -> Vec<Case<S>> {
    vec![Case {
        name: "missing_settings",
        promise: "Without a required setting it is not built, and the fault names the variable.",
        matters: "Only this message shows the operator what to set.",
        run: |bench| Box::pin(missing_settings(bench)),
    }]
}

async fn missing_settings<S: Subject>(bench: &Bench<S>) -> Tried {
    let required: Vec<_> = bench
        .subject
        .settings()
        .into_iter()
        .filter(|spec| spec.required)
        .collect();
    if required.is_empty() {
        return Err(Verdict::NotApplicable("no setting is required".to_owned()));
    }
    for spec in required {
        let variable = spec.variable;
        ensure!(
            !spec.description.is_empty(),
            "{variable} has no description"
        );
        let mut environment = bench.subject.harness().environment();
        environment.set(variable.as_str(), "");
        let Err(error) = bench.subject.rebuilt(&environment) else {
            return Err(Verdict::Broken(format!("it was built without {variable}")));
        };
        let named = error
            .faults()
            .iter()
            .any(|fault| fault.variable == variable);
        ensure!(named, "without {variable} the error is: {error}");
    }
    Ok(())
}

/// Checks one optional operation against its capability.
pub(super) fn as_declared(
    operation: &str,
    declared: bool,
    result: Result<(), ProviderError>,
) -> Tried {
    match (declared, result) {
        (true, Ok(())) => Ok(()),
        (true, Err(error)) => Err(Verdict::Broken(format!(
            "{operation} is declared and failed: {error}"
        ))),
        (false, Err(error)) if error.kind() == ErrorKind::Unsupported => Ok(()),
        (false, Err(error)) => Err(Verdict::Broken(format!(
            "{operation} is not declared and failed as {:?}",
            error.kind()
        ))),
        (false, Ok(())) => Err(Verdict::Broken(format!(
            "{operation} is not declared and did something"
        ))),
    }
}
