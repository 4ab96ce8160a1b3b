//! What is there before an operation begins.

use std::time::Duration;

use agent_pool_core::wire::services::SweepRequest;
use anyhow::Context as _;

use crate::calls::order;
use crate::settings::ENVIRONMENT;
use crate::system::System;

/// How many instances the tick is to keep idle.
pub(super) const TICK_IDLE: u32 = 4;
/// How long a set-up may take.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How often it is asked for: on a busy machine a short lease is lost, and a creation with it.
const TRIES: u32 = 3;

async fn make(system: &System, count: u32) -> anyhow::Result<()> {
    let mut made = Ok(());
    for _ in 0..TRIES {
        let idle = ids(system, "idle").await?.len();
        let lack = count.saturating_sub(idle.try_into()?);
        system.replenish(lack).await?;
        made = system.settle(Some(count), READY_WITHIN / TRIES).await;
        if made.is_ok() {
            break;
        }
    }
    made
}

async fn ids(system: &System, status: &str) -> anyhow::Result<Vec<String>> {
    let rows = system.pool_database().await?.instances().await?;
    let rows = rows.into_iter().filter(|(_, row)| row.status == status);
    Ok(rows.map(|(id, _)| id).collect())
}

/// One idle instance.
pub(super) async fn one_idle(system: &System) -> anyhow::Result<String> {
    make(system, 1).await?;
    let idle = ids(system, "idle").await?;
    idle.into_iter().next().context("an idle instance")
}

/// One idle instance, made where there is none.
pub(super) async fn at_least_one_idle(system: &System) -> anyhow::Result<()> {
    if ids(system, "idle").await?.is_empty() {
        make(system, 1).await?;
    }
    Ok(())
}

/// An instance whose rows are gone, and one whose inbox is; the latter was missed by a sweep already.
pub(super) async fn orphan_and_missing(system: &System) -> anyhow::Result<String> {
    // A vendor that lists nothing of what it should is not believed, so a third one is well.
    make(system, 3).await?;
    let idle = ids(system, "idle").await?;
    let [orphan, missing, _] = idle.as_slice() else {
        anyhow::bail!("three idle instances, not {idle:?}");
    };
    let services = system.services_database().await?;
    let pool = system.pool_database().await?;
    // Neither side remembers it: Pool's log would otherwise know it for its own.
    for statement in [
        format!("DELETE FROM instances WHERE id = '{orphan}'"),
        format!("DELETE FROM instance_events WHERE instance_id = '{orphan}'"),
    ] {
        pool.execute(&statement).await?;
    }
    let statement = format!("DELETE FROM instance_infra WHERE instance_id = '{orphan}'");
    services.execute(&statement).await?;
    lose_inbox(system, missing).await?;
    let services = system.services_api(0).await?;
    services.sweep(&SweepRequest::default()).await?;
    Ok(missing.clone())
}

/// Somebody deletes the inbox of an instance at the vendor.
async fn lose_inbox(system: &System, instance: &str) -> anyhow::Result<()> {
    let label = format!("ap-{ENVIRONMENT}-{instance}");
    let inboxes = system.cloud.state().agentmail.inboxes;
    let inbox = inboxes
        .iter()
        .find(|one| one.client_id.as_deref() == Some(&label));
    let inbox = inbox.context("an inbox")?;
    let key = system.cloud.options().agentmail.api_keys.concat();
    let url = format!(
        "{}/v0/inboxes/{}",
        system.cloud.agentmail_url(),
        inbox.inbox_id
    );
    let client = system.lab.http();
    let deleted = client.delete(url).bearer_auth(key).send().await?;
    deleted.error_for_status()?;
    Ok(())
}

/// One of everything that a tick decides on: idle and dead, claimed and dead, claiming for too long,
/// starting and healthy, idle and well; and too few of the last.
pub(super) async fn fleet(system: &System) -> anyhow::Result<String> {
    system.settle(Some(TICK_IDLE), READY_WITHIN).await?;
    let claimed = system.claim(&order("Rose")?).await?;
    system.settle(Some(TICK_IDLE), READY_WITHIN).await?;
    let idle = ids(system, "idle").await?;
    let [dead, claiming, starting, _] = idle.as_slice() else {
        anyhow::bail!("four idle instances, not {idle:?}");
    };
    let rows = system.pool_database().await?;
    for statement in [
        format!(
            "UPDATE instances SET status = 'claiming', lease_expires_at = now() WHERE id = '{claiming}'"
        ),
        format!("UPDATE instances SET status = 'starting' WHERE id = '{starting}'"),
    ] {
        rows.execute(&statement).await?;
    }
    for id in [dead, claimed.instance_id.as_str()] {
        system
            .cloud
            .crash_service(&format!("ap-{ENVIRONMENT}-{id}"));
    }
    system.acknowledge(claimed);
    Ok(String::new())
}
