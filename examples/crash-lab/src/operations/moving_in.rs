//! Both services on the databases and the fleet of the Node.js original: agents keep running, nothing is treated as an
//! orphan, an idle instance is claimed, and an agent is killed with all its resources.

use std::sync::Arc;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::Status;
use agent_pool_core::wire::services::SweepRequest;
use agent_pool_service_kit::config::{Adoption, Task};
use agent_pool_service_kit::testing::original::{OLDER_POOL, OLDER_SERVICES};
use agent_pool_stack::Service;
use anyhow::ensure;
use fake_cloud::{OriginalResources, OriginalShape};

use super::plant::{Plant, cloud};
use crate::lab::Lab;
use crate::rows::Database;
use crate::settings::{KEY, Pacing};

const IDLE: u32 = 2;
const PACING: Pacing = Pacing {
    min_idle: IDLE,
    ..Pacing::LIVELY
};
/// Ticks after which everything has been examined.
const TICKS: usize = 5;

/// The instances of the original.
const ANN: &str = "k3v9x0a1b2c3";
const EVE: &str = "k3v9x0a1b2c4";
const WARM: &str = "k3v9x0a1b2c5";
/// An agent on an infra that this build does not have.
const MAX: &str = "k3v9x0a1b2c6";

/// The reports.
#[derive(Debug, Clone)]
pub struct Report {
    /// From the adoption of Services and of Pool.
    pub adoptions: [String; 2],
}

/// Runs the scenario.
///
/// # Errors
/// An agent is harmed, or an adopted instance is not managed.
pub async fn run(lab: &Arc<Lab>) -> anyhow::Result<Report> {
    let mut plant = Plant::prepare(lab, 1, PACING, cloud(1), |_, _| {}).await?;
    let done = steps(&mut plant).await;
    done.map_err(|error| plant.with_logs(&error))
}

async fn steps(plant: &mut Plant) -> anyhow::Result<Report> {
    let [ann, eve, _] = make_original(plant).await?;
    let apply = Task::Adopt(Adoption::Apply);
    let services = Service::ServicesSvc;
    let services = services.perform(&plant.services.settings, apply).await?;
    ensure!(services.contains(MAX), "{MAX} is skipped: {services}");
    let pool = Service::PoolSvc;
    let pool = pool.perform(&plant.pool.settings, apply).await?;
    plant.start_all().await?;

    nothing_is_an_orphan(plant).await?;
    let statuses = [
        (ANN, Status::Claimed),
        (EVE, Status::Claimed),
        (WARM, Status::Idle),
        (MAX, Status::Crashed),
    ];
    for (id, status) in statuses {
        let what = format!("{id} is {}", status.as_str());
        plant
            .until(&what, |fleet| {
                let mut all = fleet.instances.iter();
                let found = all.find(|one| one.id.as_str() == id)?;
                (found.status == status).then_some(())
            })
            .await?;
    }
    plant.until_idle(IDLE as usize).await?;
    let bob = plant.claim("Bob").await?.instance_id;
    ensure!(
        bob.as_str() == WARM,
        "Bob got {bob}, which is not the oldest"
    );
    let given = plant.provisioned.for_service(&name(WARM));
    ensure!(
        given == ["Bob"],
        "the adopted instance was given to {given:?}"
    );

    let id: InstanceId = EVE.parse()?;
    plant.pool_api()?.kill(&id).await?;
    plant
        .until("Eve is destroyed", |fleet| {
            let mut all = fleet.instances.iter();
            all.all(|one| one.id != id).then_some(())
        })
        .await?;
    nothing_is_an_orphan(plant).await?;
    has(plant, &ann, true)?;
    has(plant, &eve, false)?;
    let given = plant.provisioned.for_service(&name(ANN));
    ensure!(given.is_empty(), "Ann's instance was given to {given:?}");
    Ok(Report {
        adoptions: [services, pool],
    })
}

/// The resources, and the rows in both databases.
async fn make_original(plant: &Plant) -> anyhow::Result<[OriginalResources; 3]> {
    let make = async |id| {
        let made = plant
            .cloud
            .make_original(id, OriginalShape::OneProject, KEY);
        let made = made.await;
        made.map_err(|answer| anyhow::anyhow!("a vendor refused: {answer}"))
    };
    let [ann, eve, warm] = [make(ANN).await?, make(EVE).await?, make(WARM).await?];
    let mut pool = OLDER_POOL.to_owned();
    let mut services = OLDER_SERVICES.to_owned();
    for (id, agent, made) in [
        (ANN, Some("Ann"), &ann),
        (EVE, Some("Eve"), &eve),
        (WARM, None, &warm),
    ] {
        pool += &row(id, agent, &made.url);
        let OriginalResources {
            environment,
            service,
            url,
            key_hash,
            inbox,
            ..
        } = made;
        services += &format!(
            "; INSERT INTO instance_infra (instance_id, provider_service_id, provider_env_id, url, deploy_status)
               VALUES ('{id}', '{service}', '{environment}', '{url}', 'SUCCESS');
             INSERT INTO instance_services (instance_id, tool_id, resource_id, env_key)
               VALUES ('{id}', 'openrouter', '{key_hash}', 'OPENROUTER_API_KEY'),
                      ('{id}', 'agentmail', '{inbox}', 'AGENTMAIL_INBOX_ID')"
        );
    }
    pool += &row(MAX, Some("Max"), "http://127.0.0.1:9/");
    services += &format!(
        "; INSERT INTO instance_infra (instance_id, provider, provider_service_id, provider_env_id, url)
           VALUES ('{MAX}', 'modal', 's', 'e', 'http://127.0.0.1:9/')"
    );
    for (database, rows) in [
        (&plant.pool.database, pool),
        (&plant.services.database, services),
    ] {
        let url = plant.lab.database_url(database, None)?;
        Database::connect(&url).await?.execute(&rows).await?;
    }
    Ok([ann, eve, warm])
}

/// A row of Pool's table.
fn row(id: &str, agent: Option<&str>, url: &str) -> String {
    let values = match agent {
        Some(agent) => format!("'claimed', '{agent}', 'c-{id}', 'https://chat/{id}', now()"),
        None => "'idle', NULL, NULL, NULL, NULL".to_owned(),
    };
    format!(
        "; INSERT INTO instances (id, name, url, status, agent_name, conversation_id, invite_url, claimed_at, created_at)
           VALUES ('{id}', '{}', '{url}', {values}, now() - interval '1 h')",
        name(id)
    )
}

/// The name of an instance in the original, and of its service at the vendor.
fn name(id: &str) -> String {
    format!("convos-agent-{id}")
}

async fn nothing_is_an_orphan(plant: &Plant) -> anyhow::Result<()> {
    for _ in 0..TICKS {
        let tick = plant.pool_api()?.reconcile().await?;
        ensure!(tick.foreign == 0, "an instance counts as foreign: {tick:?}");
    }
    let everything = SweepRequest {
        destroy: true,
        ..SweepRequest::default()
    };
    let swept = plant.services_api()?.sweep(&everything).await?;
    let clean = swept.orphans.is_empty() && swept.missing.is_empty() && swept.failures.is_empty();
    ensure!(clean, "the sweep found {swept:?}");
    Ok(())
}

/// Fails unless the vendors have all resources of an instance, or none.
fn has(plant: &Plant, made: &OriginalResources, all: bool) -> anyhow::Result<()> {
    let held = plant.cloud.state();
    let mut instances = held.railway.instances.iter();
    let runs = instances.any(|one| one.service_id == made.service && one.running);
    let mut keys = held.openrouter.keys.iter();
    let key = keys.any(|one| one.hash == made.key_hash);
    let mut inboxes = held.agentmail.inboxes.iter();
    let inbox = inboxes.any(|one| one.inbox_id == made.inbox);
    let found = [runs, key, inbox];
    ensure!(found == [all; 3], "wrong resources of {made:?}: {found:?}");
    Ok(())
}
