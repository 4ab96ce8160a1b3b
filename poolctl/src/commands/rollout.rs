//! `poolctl rollout`: how the idle instances of the pools are replaced.

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::{PoolView, RolloutAction};
use chrono::Utc;
use clap::{Args, Subcommand};

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Table, ago, cell, during, good};

/// Show, retry or stop the roll-outs of a changed recipe
#[derive(Debug, Args)]
pub(crate) struct Rollout {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the latest roll-out of each pool
    List,
    /// Begin a stopped roll-out again, with another canary
    Retry {
        /// Pool
        #[arg(default_value = "default")]
        pool: PoolName,
    },
    /// Stop a roll-out that is under way; what is replaced stays replaced
    Stop {
        /// Pool
        #[arg(default_value = "default")]
        pool: PoolName,
    },
}

impl Rollout {
    pub(crate) async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        match self.command.unwrap_or(Command::List) {
            Command::List => list(out, target).await,
            Command::Retry { pool } => act(&pool, RolloutAction::Retry, out, target).await,
            Command::Stop { pool } => act(&pool, RolloutAction::Stop, out, target).await,
        }
    }
}

async fn list(out: Out, target: &Target) -> Result<Exit, Failure> {
    let pools = during("asking Pool", target.pool.pools()).await;
    let pools = pools.map_err(|error| Failure::of_call("list the roll-outs", &error))?;
    out.answer(&pools, || table(&pools.pools))?;
    Ok(Exit::Done)
}

fn table(pools: &[PoolView]) -> String {
    let head = [
        "POOL", "STATE", "FROM", "TO", "REPLACED", "LEFT", "CHANGED", "WHY",
    ];
    let mut table = Table::new(&head).keep(&[0, 1]);
    let mut any = false;
    for (pool, rollout) in pools
        .iter()
        .filter_map(|pool| Some((pool, pool.rollout.as_ref()?)))
    {
        any = true;
        table.row([
            cell(&pool.name),
            cell(rollout.state.as_str()),
            cell(&rollout.from),
            cell(&rollout.to),
            cell(rollout.replaced),
            cell(rollout.remaining),
            cell(ago(rollout.changed_at, Utc::now())),
            cell(rollout.cause.as_deref().unwrap_or("-")),
        ]);
    }
    if any {
        table.to_string()
    } else {
        "No pool has had a roll-out.".to_owned()
    }
}

async fn act(
    pool: &PoolName,
    action: RolloutAction,
    out: Out,
    target: &Target,
) -> Result<Exit, Failure> {
    let (doing, done) = match action {
        RolloutAction::Retry => ("retry", "begins again"),
        RolloutAction::Stop => ("stop", "is stopped"),
    };
    let view = during("asking Pool", target.pool.change_rollout(pool, action)).await;
    let doing = format!("{doing} the roll-out of pool {pool}");
    let view = view.map_err(|error| Failure::of_call(&doing, &error))?;
    out.answer(&view, || {
        format!("{} the roll-out of pool {pool} {done}", good("✓"))
    })?;
    Ok(Exit::Done)
}
