//! A test of the lab itself: each promise is broken on purpose, and must be reported.

use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::wire::pool::Claimed;
use anyhow::{Context as _, ensure};
use serde_json::json;

use crate::calls::order;
use crate::lab::Lab;
use crate::rows::Database;
use crate::settings::{ENVIRONMENT, Pacing};
use crate::system::System;

/// How long an instance may take.
const WITHIN: Duration = Duration::from_secs(60);
/// How long to wait for a system that cannot recover.
const NOT_LONG: Duration = Duration::from_millis(500);
const IDLE: u32 = 2;

/// Each breakage with the report that it must cause.
#[derive(Debug, Clone, Copy)]
enum Breakage {
    LeakedKey,
    LostTool,
    StuckRow,
    StrangersAgent,
    DoubleClaim,
    LostClaim,
}

impl Breakage {
    /// Ordered so that none hides another's report.
    const ALL: [Self; 6] = [
        Self::LeakedKey,
        Self::LostTool,
        Self::StuckRow,
        Self::StrangersAgent,
        Self::DoubleClaim,
        Self::LostClaim,
    ];

    const fn report(self) -> &'static str {
        match self {
            Self::LeakedKey => "keys: the vendor has",
            Self::LostTool => "half-provisioned: ",
            Self::StuckRow => "stuck row: ",
            Self::StrangersAgent => " was given to [\"a stranger\"]",
            Self::DoubleClaim => "double claim of ",
            Self::LostClaim => "an acknowledged claim is lost: ",
        }
    }
}

/// The databases and instances that are broken on purpose.
struct Targets {
    pool: Database,
    services: Database,
    idle: [String; 2],
    claimed: Claimed,
}

/// Breaks every promise. Returns the reports.
///
/// # Errors
/// Something broke and was not reported; or the lab itself fails.
pub async fn run(lab: &Arc<Lab>) -> anyhow::Result<Vec<&'static str>> {
    let pacing = Pacing {
        min_idle: IDLE,
        ..Pacing::QUIET
    };
    let system = System::start(Arc::clone(lab), pacing, 1, 1).await?;
    system.settle(Some(IDLE), WITHIN).await?;
    let targets = targets(&system).await?;
    let mut reports = Vec::new();
    for breakage in Breakage::ALL {
        let report = breakage.report();
        let said = system.broken().await?.join("; ");
        ensure!(
            !said.contains(report),
            "reported before {breakage:?}: {said}"
        );
        commit(&system, &targets, breakage).await?;
        let said = system.broken().await?.join("; ");
        ensure!(
            said.contains(report),
            "{breakage:?} is not reported: {said}"
        );
        reports.push(report);
    }
    let settled = system.settle(None, NOT_LONG).await;
    ensure!(settled.is_err(), "a broken system counts as settled");
    Ok(reports)
}

async fn targets(system: &System) -> anyhow::Result<Targets> {
    let claimed = system.claim(&order("Tulip")?).await?;
    system.acknowledge(claimed.clone());
    system.settle(Some(IDLE), WITHIN).await?;
    let pool = system.pool_database().await?;
    let rows = pool.instances().await?.into_iter();
    let idle: Vec<String> = rows
        .filter(|(_, row)| row.status == "idle")
        .map(|(id, _)| id)
        .collect();
    let idle: Result<[String; 2], _> = idle.try_into();
    Ok(Targets {
        idle: idle.ok().context("two idle instances")?,
        services: system.services_database().await?,
        pool,
        claimed,
    })
}

async fn commit(system: &System, targets: &Targets, breakage: Breakage) -> anyhow::Result<()> {
    let Targets {
        pool,
        services,
        idle: [one, other],
        claimed,
    } = targets;
    match breakage {
        Breakage::LeakedKey => leak_a_key(system).await,
        Breakage::LostTool => {
            let sql = format!(
                "DELETE FROM instance_services WHERE tool_id = 'agentmail' AND instance_id = '{one}'"
            );
            services.execute(&sql).await
        }
        Breakage::StuckRow => {
            let sql = format!("UPDATE instances SET status = 'starting' WHERE id = '{one}'");
            pool.execute(&sql).await
        }
        Breakage::StrangersAgent => {
            let service = format!("ap-{ENVIRONMENT}-{other}");
            system.provisioned.add(&service, "a stranger");
            Ok(())
        }
        Breakage::DoubleClaim => {
            system.acknowledge(claimed.clone());
            Ok(())
        }
        Breakage::LostClaim => {
            let id = &claimed.instance_id;
            let sql = format!("DELETE FROM instances WHERE id = '{id}'");
            pool.execute(&sql).await
        }
    }
}

/// A key at the vendor that no row knows.
async fn leak_a_key(system: &System) -> anyhow::Result<()> {
    let key = system.cloud.options().openrouter.management_keys.concat();
    let url = format!("{}/keys", system.cloud.openrouter_url());
    let made = system.lab.http().post(url).bearer_auth(key);
    let made = made.json(&json!({"name": "nobody's"})).send().await?;
    made.error_for_status()?;
    Ok(())
}
