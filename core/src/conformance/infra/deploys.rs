//! Cases about deployments: which calls start an instance, and with which variables.

use super::subject::{InfraSubject, vars};
use crate::conformance::bench::{Bench, must, persist};
use crate::conformance::case::Case;
use crate::conformance::verdict::{Tried, Verdict, ensure};
use crate::{EnvVars, InfraHandle, Redeploy, unescape_value};

type InfraBench<'h> = Bench<InfraSubject<'h>>;

pub(super) fn cases<'h>() -> Vec<Case<InfraSubject<'h>>> {
    vec![
        Case {
            name: "create_starts_nothing",
            promise: "Starts nothing: the first [`InfraProvider::configure`] with [`Redeploy::Yes`] does.",
            matters: "An instance that starts without its variables crashes, and looks dead to the pool.",
            run: |bench| Box::pin(create_starts_nothing(bench)),
        },
        Case {
            name: "deploys_once",
            promise: "With [`Redeploy::Yes`] exactly one deployment follows, with all variables in place.",
            matters: "Each deployment takes minutes, and the second one kills what the first started.",
            run: |bench| Box::pin(deploys_once(bench)),
        },
        Case {
            name: "left_alone",
            promise: "With [`Redeploy::No`] a running instance is left alone; the next deployment has them.",
            matters: "A claim configures a warm instance: a restart would cost its user the minutes that the pool saves.",
            run: |bench| Box::pin(left_alone(bench)),
        },
        Case {
            name: "values_arrive",
            promise: "A value arrives unchanged, whatever it contains: no part is evaluated. Where the infra would evaluate it, it arrives escaped by [`escape_value`](crate::escape_value).",
            matters: "A user's text that is evaluated could read the operator's variables.",
            run: |bench| Box::pin(values_arrive(bench)),
        },
        Case {
            name: "redeploy_keeps",
            promise: "Every variable that is set stays.",
            matters: "An instance that restarts without its keys is lost to its user.",
            run: |bench| Box::pin(redeploy_keeps(bench)),
        },
    ]
}

async fn deployments(
    bench: &InfraBench<'_>,
    handle: &InfraHandle,
) -> Result<Vec<EnvVars>, Verdict> {
    let harness = bench.subject.harness;
    harness.settle().await;
    let deployments = harness.deployments(handle).await;
    deployments.ok_or_else(|| {
        Verdict::NotApplicable("the vendor does not report its deployments".to_owned())
    })
}

async fn configure(
    bench: &InfraBench<'_>,
    handle: &InfraHandle,
    pairs: &[(&str, &str)],
    redeploy: Redeploy,
) -> Tried {
    let variables = vars(pairs);
    let provider = &bench.subject.provider;
    let call = || provider.configure(&bench.cx, handle, &variables, redeploy);
    must("configure", persist(call).await)
}

/// Requires this number of deployments, and these variables in the last one.
async fn deployed(
    bench: &InfraBench<'_>,
    handle: &InfraHandle,
    times: usize,
    wanted: &[(&str, &str)],
) -> Tried {
    let deployments = deployments(bench, handle).await?;
    let count = deployments.len();
    ensure!(
        count == times,
        "there were {count} deployments instead of {times}"
    );
    let last = deployments.last().cloned().unwrap_or_default();
    for (name, value) in wanted {
        let given = last.get(name).map(|value| unescape_value(value.expose()));
        ensure!(
            given.as_deref() == Some(*value),
            "{name} is {} in the last deployment",
            if given.is_some() { "wrong" } else { "missing" }
        );
    }
    Ok(())
}

async fn create_starts_nothing(bench: &InfraBench<'_>) -> Tried {
    let handle = bench.make_one().await?;
    deployed(bench, &handle, 0, &[]).await
}

async fn deploys_once(bench: &InfraBench<'_>) -> Tried {
    let handle = bench.make_one().await?;
    configure(
        bench,
        &handle,
        &[("CF_A", "1"), ("CF_B", "2")],
        Redeploy::No,
    )
    .await?;
    configure(
        bench,
        &handle,
        &[("CF_B", "3"), ("CF_C", "4")],
        Redeploy::Yes,
    )
    .await?;
    deployed(
        bench,
        &handle,
        1,
        &[("CF_A", "1"), ("CF_B", "3"), ("CF_C", "4")],
    )
    .await
}

async fn left_alone(bench: &InfraBench<'_>) -> Tried {
    let handle = bench.make_one().await?;
    configure(bench, &handle, &[("CF_A", "1")], Redeploy::Yes).await?;
    configure(bench, &handle, &[("CF_B", "2")], Redeploy::No).await?;
    deployed(bench, &handle, 1, &[("CF_A", "1")]).await?;
    configure(bench, &handle, &[("CF_C", "3")], Redeploy::Yes).await?;
    deployed(
        bench,
        &handle,
        2,
        &[("CF_A", "1"), ("CF_B", "2"), ("CF_C", "3")],
    )
    .await
}

/// Texts with a special meaning for some infra or shell.
const ODD_VALUES: [(&str, &str); 10] = [
    ("CF_EMPTY", ""),
    ("CF_DOLLAR", "$"),
    ("CF_SHELL", "$(id) $HOME ${HOME} `id`"),
    (
        "CF_REFERENCE",
        "${{CF_PLAIN}} ${{shared.SECRET}} ${{ CF_PLAIN }}",
    ),
    ("CF_PLAIN", "plain"),
    ("CF_TEMPLATE", "{{CF_PLAIN}} %CF_PLAIN% %24 #{x} <%= x %>"),
    ("CF_QUOTES", "\"a\" 'b' \\ \\n"),
    ("CF_LINES", "one\ntwo\r\n\tthree\n"),
    ("CF_EMOJI", "\u{1f337} \u{e9} \u{5b57}"),
    ("CF_SPACE", "  around  "),
];

/// Sets variables in both ways, because an infra may have a different call for each.
async fn values_arrive(bench: &InfraBench<'_>) -> Tried {
    let handle = bench.make_one().await?;
    configure(bench, &handle, &ODD_VALUES, Redeploy::Yes).await?;
    deployed(bench, &handle, 1, &ODD_VALUES).await?;
    let handle = bench.make_one().await?;
    configure(bench, &handle, &ODD_VALUES, Redeploy::No).await?;
    configure(bench, &handle, &[("CF_LAST", "1")], Redeploy::Yes).await?;
    deployed(bench, &handle, 1, &ODD_VALUES).await
}

async fn redeploy_keeps(bench: &InfraBench<'_>) -> Tried {
    let handle = bench.make_one().await?;
    configure(
        bench,
        &handle,
        &[("CF_A", "1"), ("CF_B", "2")],
        Redeploy::Yes,
    )
    .await?;
    deployed(bench, &handle, 1, &[("CF_A", "1"), ("CF_B", "2")]).await?;
    let again = persist(|| bench.subject.provider.redeploy(&bench.cx, &handle)).await;
    must("redeploy", again)?;
    deployed(bench, &handle, 2, &[("CF_A", "1"), ("CF_B", "2")]).await
}
