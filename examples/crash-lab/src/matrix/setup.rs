//! The state before an operation begins.

use std::time::Duration;

use agent_pool_core::wire::pool::{PoolSpec, Ttl};
use agent_pool_core::wire::services::SweepRequest;
use anyhow::Context as _;

use crate::calls::order;
use crate::settings::ENVIRONMENT;
use crate::system::System;

/// The number of instances that the tick keeps idle.
pub(super) const TICK_IDLE: u32 = 4;
/// How long a preparation may take.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// The number of attempts: on a busy machine a short lease is lost, and a creation with it.
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

/// The one idle instance that the pool keeps on its own.
pub(super) async fn one_kept(system: &System) -> anyhow::Result<()> {
    system.settle(Some(1), READY_WITHIN).await
}

/// One claimed instance, and no other.
pub(super) async fn one_claimed(system: &System) -> anyhow::Result<String> {
    one_idle(system).await?;
    let claimed = system.claim(&order("Rose")?).await?;
    let id = claimed.instance_id.to_string();
    system.acknowledge(claimed);
    Ok(id)
}

/// One idle instance, created if there is none.
pub(super) async fn at_least_one_idle(system: &System) -> anyhow::Result<()> {
    if ids(system, "idle").await?.is_empty() {
        make(system, 1).await?;
    }
    Ok(())
}

/// An instance without rows, and one without its inbox, which was already missing in an earlier sweep.
pub(super) async fn orphan_and_missing(system: &System) -> anyhow::Result<String> {
    // A listing without any expected resource is not trusted, so a third instance is left intact.
    make(system, 3).await?;
    let idle = ids(system, "idle").await?;
    let [orphan, missing, _] = idle.as_slice() else {
        anyhow::bail!("three idle instances, not {idle:?}");
    };
    let services = system.services_database().await?;
    let pool = system.pool_database().await?;
    // Neither side remembers it; otherwise Pool would recognise it by its log.
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

/// Deletes the inbox of an instance at the vendor.
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

/// Another pool, with one idle instance.
pub(super) async fn pool(system: &System) -> anyhow::Result<String> {
    let name = "extra";
    let mut spec = PoolSpec::default();
    spec.policy.min_idle = Some(1);
    let pool = system.pool_api(0).await?;
    pool.put_pool(&name.parse()?, &spec, 0).await?;
    system.settle(Some(1), READY_WITHIN).await?;
    Ok(name.to_owned())
}

/// One instance for each decision of a tick: idle and dead, claimed and dead, claimed and too old, claiming for too long,
/// starting and healthy, idle and healthy; too few of the last; and a pool that has spent its budget.
pub(super) async fn fleet(system: &System) -> anyhow::Result<String> {
    system.settle(Some(TICK_IDLE), READY_WITHIN).await?;
    let claimed = system.claim(&order("Rose")?).await?;
    let mut short = order("Lily")?;
    short.request.ttl_seconds = Some(Ttl::try_from(60).map_err(anyhow::Error::msg)?);
    let old = system.claim(&short).await?.instance_id;
    let mut spent = PoolSpec::default();
    spent.policy.budget = Some("$1/day".parse()?);
    let pool = system.pool_api(0).await?;
    pool.put_pool(&"spent".parse()?, &spent, 0).await?;
    system.settle(Some(TICK_IDLE), READY_WITHIN).await?;
    let idle = ids(system, "idle").await?;
    let [dead, claiming, starting, _] = idle.as_slice() else {
        anyhow::bail!("four idle instances, not {idle:?}");
    };
    let rows = system.pool_database().await?;
    for statement in [
        format!(
            "UPDATE instances SET status = 'claiming', lease_expires_at = now() + interval '1 h' WHERE id = '{claiming}'"
        ),
        format!("UPDATE instances SET status = 'starting' WHERE id = '{starting}'"),
        format!(
            "UPDATE instances SET claimed_at = now() - interval '1 h', end_warned_at = now() - interval '1 h'
             WHERE id = '{old}'"
        ),
        "INSERT INTO cost_ledger (day, instance_id, resource, spent_on, kind, pool, micros)
         VALUES ((now() AT TIME ZONE 'UTC')::date, 'gone', 'railway', 'idle', 'once', 'spent', 2000000)"
            .to_owned(),
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

/// Expires the lease of the claim. Not earlier, because the recovery of Pool also ends such a claim.
pub(super) async fn expire_claim(system: &System) -> anyhow::Result<()> {
    let pool = system.pool_database().await?;
    pool.execute("UPDATE instances SET lease_expires_at = now() WHERE status = 'claiming'")
        .await
}
