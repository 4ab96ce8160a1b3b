//! The operations on a recipe that has changed: idle instances are replaced, claimed ones upgraded.

use agent_pool_core::wire::pool::UpgradeRequest;
use serde_json::json;

use super::wait::until;
use crate::system::System;

/// The variable that only the new recipe has.
const VARIABLE: (&str, &str) = ("COLOUR", "blue");

/// Changes the recipe of the pool. Idempotent.
pub(super) async fn change(system: &System) -> anyhow::Result<()> {
    let (name, value) = VARIABLE;
    let patch = json!({"recipe": {"variables": {name: value}}});
    let pool = system.pool_api(0).await?;
    pool.patch_pool(&"default".parse()?, &patch).await?;
    Ok(())
}

/// Changes the recipe, and waits until the idle instance is replaced.
pub(super) async fn roll_out(system: &System, triggered: impl Fn() -> bool) -> anyhow::Result<()> {
    change(system).await?;
    let rows = system.pool_database().await?;
    until(triggered, async || {
        // Not through the API, because its queries would be steps.
        let done = "SELECT count(*) FROM rollouts WHERE state = 'done'";
        let instances = "SELECT count(*) FROM instances";
        let counts = (rows.number(done).await?, rows.number(instances).await?);
        Ok(counts == (1, 1) && all_have_the_variable(system))
    })
    .await
}

/// Requests an upgrade, unless it is done, and waits until it is done.
pub(super) async fn upgrade(
    system: &System,
    subject: &str,
    triggered: impl Fn() -> bool,
) -> anyhow::Result<()> {
    let rows = system.pool_database().await?;
    let is_done = async || {
        let done = "SELECT count(*) FROM upgrades WHERE state = 'done'";
        Ok::<_, anyhow::Error>(rows.number(done).await? == 1)
    };
    if !is_done().await? {
        let request = UpgradeRequest {
            instance_ids: vec![subject.parse()?],
            pool: None,
            batch: 1,
        };
        system.pool_api(0).await?.upgrade(&request).await?;
    }
    until(triggered, async || {
        Ok(is_done().await? && all_have_the_variable(system))
    })
    .await
}

fn all_have_the_variable(system: &System) -> bool {
    let (name, value) = VARIABLE;
    let mut all = system.cloud.state().railway.instances.into_iter();
    all.all(|one| one.variables.get(name).is_some_and(|set| set == value))
}
