//! Promises of tools only: variables, metadata, optional operations.

use std::collections::BTreeSet;

use super::subject::ToolSubject;
use crate::conformance::answers::as_declared;
use crate::conformance::bench::{Bench, must, persist};
use crate::conformance::case::Case;
use crate::conformance::verdict::{Tried, Verdict, ensure};
use crate::{InstanceId, ProvisionedTool};

type ToolBench<'h> = Bench<ToolSubject<'h>>;

pub(super) fn cases<'h>() -> Vec<Case<ToolSubject<'h>>> {
    vec![
        Case {
            name: "declared_variables",
            promise: "The variables are those that the registration declares.",
            matters: "Two tools that set the same variable are refused before either is provisioned, by what they declare.",
            run: |bench| Box::pin(declared_variables(bench)),
        },
        Case {
            name: "secret_again",
            promise: "If the vendor shows a secret only once, the existing resource is deleted and created again.",
            matters: "After a crash the first answer is lost: without the secret the instance starts and cannot work.",
            run: |bench| Box::pin(secret_again(bench)),
        },
        Case {
            name: "usable",
            promise: "Its result can be used immediately, with credentials that belong to the instance alone.",
            matters: "The instance starts with these variables: a resource that is not ready fails it, and the account's key in an instance opens the whole account.",
            run: |bench| Box::pin(usable(bench)),
        },
        Case {
            name: "secrets_in_env_only",
            promise: "Secrets are returned only in [`ProvisionedTool::env`].",
            matters: "Ids and metadata are stored in the clear, listed and logged; only variables are encrypted.",
            run: |bench| Box::pin(secrets_in_env_only(bench)),
        },
        Case {
            name: "bounded_metadata",
            promise: "The metadata takes at most [`ProvisionedTool::METADATA_LIMIT`] bytes as JSON.",
            matters: "It is stored in the database and shown: a vendor's whole answer is too large for both.",
            run: |bench| Box::pin(bounded_metadata(bench)),
        },
        Case {
            name: "capabilities",
            promise: "A declared capability works; one that is not declared returns `Unsupported`.",
            matters: "The service offers what is declared: otherwise users would find that it fails, or never find it.",
            run: |bench| Box::pin(capabilities(bench)),
        },
    ]
}

async fn provision(
    bench: &ToolBench<'_>,
    instance: &InstanceId,
) -> Result<ProvisionedTool, Verdict> {
    let tool = persist(|| bench.subject.provision(&bench.cx, instance)).await;
    must("provision", tool)
}

fn names(tool: &ProvisionedTool) -> BTreeSet<&str> {
    tool.env.iter().map(|(name, _)| name.as_str()).collect()
}

async fn declared_variables(bench: &ToolBench<'_>) -> Tried {
    let tool = provision(bench, &InstanceId::generate()).await?;
    let declared = bench.subject.harness.registration().env_keys;
    let declared: BTreeSet<_> = declared.iter().copied().collect();
    let given = names(&tool);
    ensure!(
        given == declared,
        "it sets {given:?} but declares {declared:?}"
    );
    Ok(())
}

async fn secret_again(bench: &ToolBench<'_>) -> Tried {
    let instance = InstanceId::generate();
    let first = provision(bench, &instance).await?;
    let second = provision(bench, &instance).await?;
    let (before, after) = (names(&first), names(&second));
    ensure!(
        before == after,
        "the first call returned {before:?}, the second {after:?}"
    );
    let empty = second
        .env
        .iter()
        .find(|(_, value)| value.expose().is_empty());
    ensure!(
        empty.is_none(),
        "the second call returned {} empty",
        empty.map_or("", |(name, _)| name.as_str())
    );
    Ok(())
}

/// After a first provision, and after a repeated one.
async fn usable(bench: &ToolBench<'_>) -> Tried {
    let harness = bench.subject.harness;
    let instance = InstanceId::generate();
    for round in ["the first provision", "a repeated provision"] {
        let tool = provision(bench, &instance).await?;
        not_the_accounts_key(bench, &tool)?;
        match harness.usable(&tool).await {
            Some(Ok(())) => {}
            Some(Err(why)) => return Err(Verdict::Broken(format!("after {round}: {why}"))),
            None => {
                let why = "the harness does not know whether a tool is usable".to_owned();
                return Err(Verdict::NotApplicable(why));
            }
        }
    }
    Ok(())
}

/// No value of a secret setting may reach an instance, regardless of the harness.
fn not_the_accounts_key(bench: &ToolBench<'_>, tool: &ProvisionedTool) -> Tried {
    for (setting, secret) in bench.secrets() {
        let given = tool
            .env
            .iter()
            .find(|(_, value)| value.expose() == secret.expose());
        ensure!(
            given.is_none(),
            "{} is the account's own key, {setting}",
            given.map_or("", |(name, _)| name.as_str())
        );
    }
    Ok(())
}

async fn secrets_in_env_only(bench: &ToolBench<'_>) -> Tried {
    let tool = provision(bench, &InstanceId::generate()).await?;
    let shown = format!(
        "{} {}",
        tool.resource,
        serde_json::Value::Object(tool.metadata.clone())
    );
    for (name, secret) in bench.subject.secrets_of(&tool) {
        let leaks = !secret.expose().is_empty() && shown.contains(secret.expose());
        ensure!(
            !leaks,
            "the value of {name} is in the resource id or the metadata"
        );
    }
    Ok(())
}

async fn bounded_metadata(bench: &ToolBench<'_>) -> Tried {
    let tool = provision(bench, &InstanceId::generate()).await?;
    let size = serde_json::Value::Object(tool.metadata).to_string().len();
    let limit = ProvisionedTool::METADATA_LIMIT;
    ensure!(
        size <= limit,
        "the metadata has {size} bytes, but only {limit} are allowed"
    );
    Ok(())
}

async fn capabilities(bench: &ToolBench<'_>) -> Tried {
    let (provider, cx) = (&bench.subject.provider, &bench.cx);
    let declared = provider.capabilities();
    let resource = provision(bench, &InstanceId::generate()).await?.resource;
    let options = bench.subject.harness.options();
    let usage = provider.usage(cx, &resource).await.map(drop);
    as_declared("usage", declared.usage, usage)?;
    let update = provider.update(cx, &resource, &options).await;
    as_declared("update", declared.update, update)?;
    as_declared("verify", declared.verify, provider.verify(cx).await)
}
