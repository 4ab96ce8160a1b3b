//! Cases about a running instance: its data, its output and its status.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::subject::{InfraSubject, vars};
use crate::conformance::bench::{Bench, must, persist};
use crate::conformance::case::Case;
use crate::conformance::harness::Unsupported;
use crate::conformance::verdict::{Tried, Verdict, ensure};
use crate::{
    CreatedInfra, DeployStatus, EnvVars, InfraHandle, InstanceId, ListedInstance, Redeploy,
    unescape_value,
};

type InfraBench<'h> = Bench<InfraSubject<'h>>;

/// Time limit for an infra to start a program, to notice its end, and to show a line of its output.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

pub(super) fn cases<'h>() -> Vec<Case<InfraSubject<'h>>> {
    vec![
        Case {
            name: "addresses_differ",
            promise: "No two instances share an address, and an instance keeps its own.",
            matters: "One person's messages would reach another person's agent.",
            run: |bench| Box::pin(addresses_differ(bench)),
        },
        Case {
            name: "data_survives",
            promise: "The data folder of the instance keeps its contents.",
            matters: "An upgrade or a restart would cost people their agent's memory.",
            run: |bench| Box::pin(data_survives(bench)),
        },
        Case {
            name: "image_changes",
            promise: "The image changes, the variables stay, and later deployments run the new image.",
            matters: "A fleet that is upgraded would silently run the old program, or fall back to it.",
            run: |bench| Box::pin(image_changes(bench)),
        },
        Case {
            name: "ended_is_dead",
            promise: "A program that has ended is reported as dead.",
            matters: "The pool would hand out an instance that does not answer, and never replace it.",
            run: |bench| Box::pin(ended_is_dead(bench)),
        },
        Case {
            name: "written_lines",
            promise: "A line that the instance wrote is in the result.",
            matters: "The log is all that an operator can read about an instance that does not start.",
            run: |bench| Box::pin(written_lines(bench)),
        },
    ]
}

/// Turns a hook that the harness lacks into the reason why a case does not run.
pub(super) fn hook<T>(result: Result<T, Unsupported>) -> Result<T, Verdict> {
    result.map_err(|why| Verdict::NotApplicable(why.0.to_owned()))
}

async fn create(bench: &InfraBench<'_>, instance: &InstanceId) -> Result<CreatedInfra, Verdict> {
    let (provider, spec) = (&bench.subject.provider, bench.subject.harness.spec());
    let created = persist(|| provider.create(&bench.cx, instance, &spec)).await;
    must("create", created)
}

/// Deploys with `CF_A`, and waits until the vendor reports that it was started.
pub(super) async fn start(bench: &InfraBench<'_>, handle: &InfraHandle) -> Tried {
    let (provider, variables) = (&bench.subject.provider, vars(&[("CF_A", "1")]));
    let call = || provider.configure(&bench.cx, handle, &variables, Redeploy::Yes);
    must("configure", persist(call).await)?;
    until_started(bench, handle).await
}

pub(super) async fn redeploy(bench: &InfraBench<'_>, handle: &InfraHandle) -> Tried {
    let again = persist(|| bench.subject.provider.redeploy(&bench.cx, handle)).await;
    must("redeploy", again)?;
    until_started(bench, handle).await
}

async fn started(bench: &InfraBench<'_>) -> Result<InfraHandle, Verdict> {
    let handle = bench.make_one().await?;
    start(bench, &handle).await?;
    Ok(handle)
}

async fn until_started(bench: &InfraBench<'_>, handle: &InfraHandle) -> Tried {
    until_status(bench, handle, "started", |status| {
        *status == DeployStatus::Success
    })
    .await
}

/// Waits until `list` gives the instance a status that `fits`.
async fn until_status(
    bench: &InfraBench<'_>,
    handle: &InfraHandle,
    wanted: &str,
    fits: impl Fn(&DeployStatus) -> bool,
) -> Tried {
    let deadline = Instant::now() + PATIENCE;
    loop {
        bench.subject.harness.settle().await;
        let listed = one_listed(bench, handle).await?;
        let status = listed.and_then(|one| one.status);
        if status.as_ref().is_some_and(&fits) {
            return Ok(());
        }
        let shown = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        ensure!(
            Instant::now() < deadline,
            "it is not listed as {wanted}: its status is {shown}"
        );
        sleep(POLL_INTERVAL).await;
    }
}

async fn one_listed(
    bench: &InfraBench<'_>,
    handle: &InfraHandle,
) -> Result<Option<ListedInstance>, Verdict> {
    let listed = persist(|| bench.subject.provider.list(&bench.cx)).await;
    let mut listed = must("list", listed)?.into_iter();
    Ok(listed.find(|one| one.handle.instance == handle.instance))
}

/// Creates two instances at once and then a third, repeats each creation, and lists them after their deployments.
async fn addresses_differ(bench: &InfraBench<'_>) -> Tried {
    if let Some(why) = bench.subject.harness.shared_address() {
        return Err(Verdict::NotApplicable(why.0.to_owned()));
    }
    let ids = [(); 3].map(|()| InstanceId::generate());
    let (first, second) = tokio::join!(create(bench, &ids[0]), create(bench, &ids[1]));
    let all = [first?, second?, create(bench, &ids[2]).await?];
    for (at, one) in all.iter().enumerate() {
        let same = all[..at].iter().find(|other| other.url == one.url);
        ensure!(same.is_none(), "two instances have the address {}", one.url);
    }
    for one in &all {
        start(bench, &one.handle).await?;
        let again = create(bench, &one.handle.instance).await?.url;
        let listed = one_listed(bench, &one.handle).await?;
        let listed = listed.and_then(|listed| listed.url);
        ensure!(
            again == one.url && listed.as_ref() == Some(&one.url),
            "the address was {}, then {again}, and in the list {listed:?}",
            one.url
        );
    }
    Ok(())
}

const NOTE: &str = "kept by the conformance suite";

async fn data_survives(bench: &InfraBench<'_>) -> Tried {
    let harness = bench.subject.harness;
    let handle = started(bench).await?;
    hook(harness.write_data(&handle, NOTE).await)?;
    redeploy(bench, &handle).await?;
    has_note(bench, &handle, "redeploy").await?;
    start(bench, &handle).await?;
    has_note(bench, &handle, "configure").await
}

async fn has_note(bench: &InfraBench<'_>, handle: &InfraHandle, after: &str) -> Tried {
    let found = hook(bench.subject.harness.read_data(handle).await)?;
    ensure!(
        found.as_deref().map(str::trim_end) == Some(NOTE),
        "after {after} the data folder has {found:?} where the instance wrote {NOTE:?}"
    );
    Ok(())
}

async fn image_changes(bench: &InfraBench<'_>) -> Tried {
    let (provider, harness) = (&bench.subject.provider, bench.subject.harness);
    if !provider.capabilities().update_image {
        let why = "update_image is not declared".to_owned();
        return Err(Verdict::NotApplicable(why));
    }
    let image = hook(harness.other_image())?;
    let old = started(bench).await?;
    let updated = persist(|| provider.update_image(&bench.cx, &old, image)).await;
    must("update_image", updated)?;
    until_started(bench, &old).await?;
    runs_image(bench, &old, image, "update_image").await?;
    keeps_variable(bench, &old).await?;
    // As Services stores it after the update.
    let new = InfraHandle {
        image: Some(image.to_owned()),
        ..old
    };
    redeploy(bench, &new).await?;
    runs_image(bench, &new, image, "a later redeploy").await?;
    start(bench, &new).await?;
    runs_image(bench, &new, image, "a later configure").await
}

async fn runs_image(
    bench: &InfraBench<'_>,
    handle: &InfraHandle,
    wanted: &str,
    after: &str,
) -> Tried {
    let image = hook(bench.subject.harness.running_image(handle).await)?;
    ensure!(
        image == wanted,
        "after {after} it runs the image {image} and not {wanted}"
    );
    Ok(())
}

/// Requires that the last deployment has the variable of [`start`], if the vendor reports deployments.
async fn keeps_variable(bench: &InfraBench<'_>, handle: &InfraHandle) -> Tried {
    let deployments = bench.subject.harness.deployments(handle).await;
    let last = deployments.map(|all| all.last().cloned().unwrap_or_default());
    let kept = |last: EnvVars| {
        let value = last.get("CF_A").map(|value| unescape_value(value.expose()));
        value.as_deref() == Some("1")
    };
    ensure!(
        last.is_none_or(kept),
        "the deployment of the other image lacks a variable that was set"
    );
    Ok(())
}

async fn ended_is_dead(bench: &InfraBench<'_>) -> Tried {
    let handle = started(bench).await?;
    hook(bench.subject.harness.end(&handle).await)?;
    until_status(bench, &handle, "dead", DeployStatus::is_dead).await
}

async fn written_lines(bench: &InfraBench<'_>) -> Tried {
    let provider = &bench.subject.provider;
    if !provider.capabilities().logs {
        return Err(Verdict::NotApplicable("logs is not declared".to_owned()));
    }
    let handle = started(bench).await?;
    let written = hook(bench.subject.harness.write_line(&handle).await)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let lines = persist(|| provider.logs(&bench.cx, &handle, 100)).await;
        let lines = must("logs", lines)?;
        if lines.iter().any(|line| line.text == written) {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "the {} lines of its logs lack the line {written:?}",
            lines.len()
        );
        sleep(POLL_INTERVAL).await;
    }
}
