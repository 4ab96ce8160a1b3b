//! The options of a recipe: which are accepted, and which an instance runs with.

use super::running::{hook, redeploy, start};
use super::subject::InfraSubject;
use crate::conformance::bench::{Bench, must, persist};
use crate::conformance::case::Case;
use crate::conformance::verdict::{Tried, Verdict, ensure};
use crate::{ErrorKind, InfraHandle, InfraOptions, InstanceId, InstanceSpec};

type InfraBench<'h> = Bench<InfraSubject<'h>>;

/// An option that no infra takes.
const UNKNOWN: &str = "cfNoSuchOption";

pub(super) fn cases<'h>() -> Vec<Case<InfraSubject<'h>>> {
    vec![
        Case {
            name: "options_checked",
            promise: "Having no options is valid; an unknown option is `Invalid`, and the message names the known ones.",
            matters: "A misspelt limit would be ignored, and nobody would notice.",
            run: |bench| Box::pin(options_checked(bench)),
        },
        Case {
            name: "options_apply",
            promise: "Each deployment uses the options of its handle, and the settings for options that are absent.",
            matters: "A pool of large instances would get small ones, at once or with the next restart.",
            run: |bench| Box::pin(options_apply(bench)),
        },
    ]
}

async fn options_checked(bench: &InfraBench<'_>) -> Tried {
    let provider = &bench.subject.provider;
    must(
        "without options",
        provider.check_options(&InfraOptions::new()),
    )?;
    let unknown = InfraOptions::from_iter([(UNKNOWN.to_owned(), true.into())]);
    let error = match provider.check_options(&unknown) {
        Ok(()) => {
            let how = format!("it accepts the option {UNKNOWN}");
            return Err(Verdict::Broken(how));
        }
        Err(error) => error,
    };
    ensure!(
        error.kind() == ErrorKind::Invalid,
        "it refuses an unknown option as {:?}: {error}",
        error.kind()
    );
    for options in bench.subject.harness.options().into_iter().flatten() {
        must("its own options", provider.check_options(&options))?;
        let missing = options
            .keys()
            .find(|name| !error.to_string().contains(*name));
        ensure!(missing.is_none(), "it does not name {missing:?}: {error}");
    }
    Ok(())
}

async fn options_apply(bench: &InfraBench<'_>) -> Tried {
    let harness = bench.subject.harness;
    let Some([first, second]) = harness.options() else {
        let why = "it takes no options".to_owned();
        return Err(Verdict::NotApplicable(why));
    };
    let spec = InstanceSpec {
        options: first.clone(),
        ..harness.spec()
    };
    let (provider, instance) = (&bench.subject.provider, InstanceId::generate());
    let created = persist(|| provider.create(&bench.cx, &instance, &spec)).await;
    let plain = must("create", created)?.handle;
    // The options as Services sets them in a handle.
    let with = |options: &InfraOptions| InfraHandle {
        options: options.clone(),
        ..plain.clone()
    };
    start(bench, &with(&first)).await?;
    applied(bench, &with(&first), "its creation").await?;
    redeploy(bench, &with(&first)).await?;
    applied(bench, &with(&first), "a redeploy").await?;
    start(bench, &with(&second)).await?;
    applied(bench, &with(&second), "other options").await?;
    start(bench, &plain).await?;
    let left = hook(harness.applied_options(&plain).await)?;
    ensure!(
        left != second,
        "it still has the options {second:?} after a deployment without any"
    );
    Ok(())
}

/// Requires that the last deployment has the options of its handle.
async fn applied(bench: &InfraBench<'_>, handle: &InfraHandle, after: &str) -> Tried {
    let applied = hook(bench.subject.harness.applied_options(handle).await)?;
    let wanted = &handle.options;
    ensure!(
        applied == *wanted,
        "after {after} it runs with {applied:?} and not {wanted:?}"
    );
    Ok(())
}
