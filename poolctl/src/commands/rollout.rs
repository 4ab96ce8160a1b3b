//! `poolctl rollout`: shows and controls how idle instances are replaced.

use std::time::Duration;

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::{
    InstanceRecipe, PoolRecipe, PoolView, RolloutAction, RolloutState, Status,
};
use chrono::Utc;
use clap::{Args, Subcommand};
use tokio::time::sleep;

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Table, ago, cell, during, good};

/// How often the progress is polled.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Show, await, retry or stop the roll-outs of a changed recipe
#[derive(Debug, Args)]
pub(crate) struct Rollout {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the latest roll-out of each pool
    List,
    /// Wait until all idle instances of a pool have its recipe; fail if the roll-out stops
    Wait {
        /// Pool
        #[arg(default_value = "default")]
        pool: PoolName,
    },
    /// Restart a stopped roll-out with another canary
    Retry {
        /// Pool
        #[arg(default_value = "default")]
        pool: PoolName,
    },
    /// Stop a roll-out in progress; replaced instances stay replaced
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
            Command::Wait { pool } => wait(&pool, out, target).await,
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

async fn wait(pool: &PoolName, out: Out, target: &Target) -> Result<Exit, Failure> {
    let waiting = async {
        loop {
            let answer = target.pool.upgrades().await;
            let answer = answer.map_err(|error| Failure::of_call("check the progress", &error))?;
            let mut pools = answer.pools.into_iter();
            let found = pools.find(|one| one.pool == *pool).ok_or_else(|| {
                Failure::new(Exit::NotFound, "unknown_pool", format!("no pool {pool}"))
            })?;
            check_not_stopped(&found)?;
            if is_rolled_out(&found, &answer.instances) {
                return Ok(found);
            }
            sleep(LOOK_EVERY).await;
        }
    };
    let rolled_out = during("rolling out", waiting).await?;
    out.answer(&rolled_out, || {
        format!("{} pool {pool} is rolled out", good("✓"))
    })?;
    Ok(Exit::Done)
}

fn check_not_stopped(pool: &PoolRecipe) -> Result<(), Failure> {
    let recipe = pool.recipe.as_ref().map(|recipe| &recipe.hash);
    match &pool.rollout {
        Some(rollout) if rollout.state == RolloutState::Stopped && recipe == Some(&rollout.to) => {
            let why = rollout.cause.as_deref().unwrap_or("no reason is known");
            let message = format!("the roll-out of pool {} is stopped: {why}", pool.pool);
            Err(Failure::new(Exit::Failed, "rollout_stopped", message)
                .hint("correct the cause, then `poolctl rollout retry`"))
        }
        _ => Ok(()),
    }
}

/// Whether no instance of another recipe is idle or starting. An idle instance of unknown recipe is not replaced.
fn is_rolled_out(pool: &PoolRecipe, instances: &[InstanceRecipe]) -> bool {
    let state = pool.rollout.as_ref().map(|rollout| rollout.state);
    let is_active = matches!(state, Some(RolloutState::Canary | RolloutState::Rolling));
    let mut own = instances.iter().filter(|one| one.pool == pool.pool);
    let is_left = own.any(|one| match one.status {
        Status::Idle => one.current == Some(false),
        Status::Starting => one.current != Some(true),
        Status::Claiming | Status::Claimed | Status::Crashed | Status::Destroying => false,
    });
    pool.recipe.is_some() && !is_active && !is_left
}

async fn act(
    pool: &PoolName,
    action: RolloutAction,
    out: Out,
    target: &Target,
) -> Result<Exit, Failure> {
    let (doing, done) = match action {
        RolloutAction::Retry => ("retry", "is restarted"),
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
