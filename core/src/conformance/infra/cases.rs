//! Cases about infra only: what a list reports about an instance, complete destruction, and the optional operations.

use super::subject::{InfraSubject, vars};
use crate::conformance::answers::as_declared;
use crate::conformance::bench::{Bench, must, persist};
use crate::conformance::case::Case;
use crate::conformance::verdict::{Tried, ensure};
use crate::{InstanceId, Redeploy};

type InfraBench<'h> = Bench<InfraSubject<'h>>;

pub(super) fn cases<'h>() -> Vec<Case<InfraSubject<'h>>> {
    vec![
        Case {
            name: "list_tells_all",
            promise: "Each entry has its handle, its address and, once it was deployed, its status.",
            matters: "The tick decides from this answer alone which instances are ready and which are dead.",
            run: |bench| Box::pin(list_tells_all(bench)),
        },
        Case {
            name: "destroyed_while_running",
            promise: "A running instance is stopped, and its volumes are removed with it.",
            matters: "A volume holds one person's data and costs money; the next instance must not find it.",
            run: |bench| Box::pin(destroyed_while_running(bench)),
        },
        Case {
            name: "capabilities",
            promise: "A declared capability works; one that is not declared returns `Unsupported`.",
            matters: "The service offers what is declared: otherwise users would find that it fails, or never find it.",
            run: |bench| Box::pin(capabilities(bench)),
        },
    ]
}

async fn list_tells_all(bench: &InfraBench<'_>) -> Tried {
    let (provider, cx) = (&bench.subject.provider, &bench.cx);
    let (instance, spec) = (InstanceId::generate(), bench.subject.harness.spec());
    let created = must(
        "create",
        persist(|| provider.create(cx, &instance, &spec)).await,
    )?;
    let variables = vars(&[("CF_A", "1")]);
    let configured =
        persist(|| provider.configure(cx, &created.handle, &variables, Redeploy::Yes)).await;
    must("configure", configured)?;
    bench.subject.harness.settle().await;
    let listed = must("list", persist(|| provider.list(cx)).await)?;
    let same = |handle: &crate::InfraHandle| {
        handle.service == created.handle.service && handle.instance == instance
    };
    let ours = listed.iter().find(|one| same(&one.handle));
    ensure!(
        ours.is_some(),
        "list does not have the handle that create returned"
    );
    let status = ours.and_then(|one| one.status.clone());
    ensure!(status.is_some(), "list has no status of what was deployed");
    let url = ours.and_then(|one| one.url.clone());
    ensure!(
        url.as_ref() == Some(&created.url),
        "list has the address {url:?}, but create returned {}",
        created.url
    );
    Ok(())
}

async fn destroyed_while_running(bench: &InfraBench<'_>) -> Tried {
    let handle = bench.make_one().await?;
    let (provider, variables) = (&bench.subject.provider, vars(&[("CF_A", "1")]));
    let configured =
        persist(|| provider.configure(&bench.cx, &handle, &variables, Redeploy::Yes)).await;
    must("configure", configured)?;
    bench.remove(&handle).await?;
    bench.has_nothing(&handle.instance).await
}

async fn capabilities(bench: &InfraBench<'_>) -> Tried {
    let (provider, cx) = (&bench.subject.provider, &bench.cx);
    let declared = provider.capabilities();
    let handle = bench.make_one().await?;
    let variables = vars(&[("CF_A", "1")]);
    let configured = persist(|| provider.configure(cx, &handle, &variables, Redeploy::Yes)).await;
    must("configure", configured)?;
    bench.subject.harness.settle().await;
    let logs = provider.logs(cx, &handle, 10).await.map(drop);
    as_declared("logs", declared.logs, logs)?;
    let image = handle
        .image
        .as_deref()
        .unwrap_or("example.org/conformance:1");
    let update = provider.update_image(cx, &handle, image).await;
    as_declared("update_image", declared.update_image, update)?;
    as_declared("verify", declared.verify, provider.verify(cx).await)
}
