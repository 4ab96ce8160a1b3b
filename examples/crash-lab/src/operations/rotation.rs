//! Every key is rotated step by step, one replica after another: no instance changes its status on the way.

use std::collections::BTreeMap;
use std::sync::Arc;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::Status;
use anyhow::ensure;

use super::plant::{Plant, cloud};
use crate::lab::Lab;
use crate::settings::{ENCRYPTION_KEY, KEY, Pacing};

const NEW_KEY: &str = "another-key-of-the-crash-lab";
/// Base64 of 32 bytes.
const NEW_ENCRYPTION_KEY: &str = "YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODk=";
const IDLE: u32 = 2;
const PACING: Pacing = Pacing {
    tick: 1_000,
    lease: 5_000,
    min_idle: IDLE,
    ..Pacing::QUIET
};

/// The steps that were taken.
#[derive(Debug, Clone)]
pub struct Report {
    /// The variable and how many keys it had, in order.
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
    plant.until_idle(IDLE as usize).await?;
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
            // Each looks at every instance with the keys of this step.
            for _ in 0..2 {
                plant.pool_api()?.reconcile().await?;
            }
            let now = statuses(plant).await?;
            let step = format!("{}, {} keys", rotation.pool, state.split(',').count());
            ensure!(now == before, "{step}: {before:?} became {now:?}");
            taken.push(step);
        }
    }
    plant.claim("Bob").await?;
    Ok(Report { steps: taken })
}

async fn statuses(plant: &Plant) -> anyhow::Result<BTreeMap<InstanceId, Status>> {
    let status = plant.pool_api()?.status().await?;
    let all = status.instances.into_iter();
    Ok(all.map(|one| (one.id, one.status)).collect())
}
