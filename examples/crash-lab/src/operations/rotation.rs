//! Every key is rotated step by step, ours and those of the vendors, one replica after another: no instance changes its
//! status on the way, and none is unhealthy.

use std::collections::BTreeMap;
use std::sync::Arc;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::Status;
use anyhow::{Context as _, ensure};

use super::plant::{Plant, WITHIN, cloud, with};
use crate::lab::Lab;
use crate::settings::{ENCRYPTION_KEY, KEY, Pacing};

const NEW_KEY: &str = "another-key-of-the-crash-lab";
/// Base64 of 32 bytes.
const NEW_ENCRYPTION_KEY: &str = "YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODk=";
const IDLE: u32 = 2;
const PACING: Pacing = Pacing {
    min_idle: IDLE,
    ..Pacing::LIVELY
};

/// The variables of services-svc with the vendors' keys.
const VENDORS: [&str; 4] = [
    "RAILWAY_API_TOKEN",
    "OPENROUTER_MANAGEMENT_KEY",
    "AGENTMAIL_API_KEY",
    "TELNYX_API_KEY",
];

/// The steps that were taken.
#[derive(Debug, Clone)]
pub struct Report {
    /// Each variable with the state of its key, in order.
    pub steps: Vec<String>,
}

/// The states of a variable, from the old key to the new one.
struct Rotation {
    /// The variable of services-svc, if it has one of this kind.
    services: Option<&'static str>,
    /// The variable of pool-svc.
    pool: &'static str,
    states: [String; 3],
    /// The key of callers after each step.
    key: [&'static str; 3],
}

fn rotations() -> [Rotation; 4] {
    let states = |old: &str, new: &str| {
        let both = [format!("{old},{new}"), format!("{new},{old}")];
        let [old_first, new_first] = both;
        [old_first, new_first, new.to_owned()]
    };
    [
        Rotation {
            services: Some("SERVICES_ENCRYPTION_KEY"),
            pool: "POOL_ENCRYPTION_KEY",
            states: states(ENCRYPTION_KEY, NEW_ENCRYPTION_KEY),
            key: [KEY; 3],
        },
        Rotation {
            services: Some("POOL_API_KEY"),
            pool: "POOL_API_KEY",
            states: states(KEY, NEW_KEY),
            key: [KEY, NEW_KEY, NEW_KEY],
        },
        Rotation {
            services: Some("SERVICES_API_KEY"),
            pool: "SERVICES_API_KEY",
            states: states(NEW_KEY, "a-key-for-services-alone"),
            key: [NEW_KEY; 3],
        },
        Rotation {
            services: None,
            pool: "POOL_READ_KEY",
            states: states("the-key-of-readers", "another-key-of-readers"),
            key: [NEW_KEY; 3],
        },
    ]
}

/// Runs the scenario.
///
/// # Errors
/// An instance changes its status, or a claim fails at the end.
pub async fn run(lab: &Arc<Lab>) -> anyhow::Result<Report> {
    let mut plant = Plant::start(lab, 1, PACING, cloud(1), |_, _| {}).await?;
    let done = steps(&mut plant).await;
    done.map_err(|error| plant.with_logs(&error))
}

async fn steps(plant: &mut Plant) -> anyhow::Result<Report> {
    plant
        .pool
        .settings
        .set("POOL_ENCRYPTION_KEY", ENCRYPTION_KEY);
    plant.roll().await?;
    plant.claim("Ann").await?;
    plant
        .until("the fleet is at rest", |status| {
            let idle = with(status, Status::Idle).len() >= IDLE as usize;
            (idle && with(status, Status::Starting).is_empty()).then_some(())
        })
        .await?;
    let before = statuses(plant).await?;
    let mut taken = Vec::new();
    for rotation in rotations() {
        for (state, key) in rotation.states.iter().zip(rotation.key) {
            if let Some(variable) = rotation.services {
                plant.services.settings.set(variable, state);
            }
            plant.pool.settings.set(rotation.pool, state);
            plant.key = key;
            plant.roll().await?;
            let step = format!("{}, {} keys", rotation.pool, state.split(',').count());
            unharmed(plant, &before, &step).await?;
            taken.push(step);
        }
    }
    for variable in VENDORS {
        let old = plant.services.settings.get(variable);
        let old = old.context("the fake has a key of each vendor")?.to_owned();
        let new = format!("{old}-2");
        plant.cloud.issue_key(&old, &new);
        plant.services.settings.set(variable, &new);
        plant.roll().await?;
        unharmed(plant, &before, &format!("{variable}, both valid")).await?;
        plant.cloud.revoke_key(&old);
        let step = format!("{variable}, the old one revoked");
        unharmed(plant, &before, &step).await?;
        taken.push(step);
    }
    // Every vendor creates new resources, and deletes those that were created with its old key.
    let bob = plant.claim("Bob").await?.instance_id;
    plant.until_idle(IDLE as usize).await?;
    plant.pool_api()?.kill(&bob).await?;
    let what = "Bob's instance is destroyed";
    plant
        .until(what, |status| {
            let mut all = status.instances.iter();
            all.all(|one| one.id != bob).then_some(())
        })
        .await?;
    Ok(Report { steps: taken })
}

/// Fails if an instance has another status than before, or is not healthy.
async fn unharmed(
    plant: &Plant,
    before: &BTreeMap<InstanceId, Status>,
    step: &str,
) -> anyhow::Result<()> {
    // Each tick calls every instance with the keys of this step.
    for _ in 0..2 {
        plant.pool_api()?.reconcile().await?;
    }
    let now = statuses(plant).await?;
    ensure!(now == *before, "{step}: {before:?} became {now:?}");
    let reports = plant.services_api()?.status(WITHIN).await?.parse()?;
    let well = reports.len() == now.len() && reports.values().all(|report| report.healthy);
    ensure!(well, "{step}: {reports:?}");
    Ok(())
}

async fn statuses(plant: &Plant) -> anyhow::Result<BTreeMap<InstanceId, Status>> {
    let status = plant.pool_api()?.status().await?;
    let all = status.instances.into_iter();
    Ok(all.map(|one| (one.id, one.status)).collect())
}
