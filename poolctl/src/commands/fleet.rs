//! `poolctl drain` and `poolctl replenish`.

use agent_pool_core::wire::pool::{Affected, InstanceView, PoolStatus, Status};
use agent_pool_core::{InstanceId, PoolName};
use clap::Args;

use super::until::{Standing, Wait};
use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Yes, count_of, during, good, list_of, plain};

/// Destroy idle instances
#[derive(Debug, Args)]
pub(crate) struct Drain {
    /// Number of instances
    #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,

    /// Pool; by default the oldest instances of all pools
    #[arg(long, value_name = "POOL")]
    pool: Option<PoolName>,

    #[command(flatten)]
    yes: Yes,

    #[command(flatten)]
    wait: Wait,
}

/// Create instances
#[derive(Debug, Args)]
pub(crate) struct Replenish {
    /// Number of instances to add; by default as many as are missing
    #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    count: Option<u32>,

    /// Pool; by default `default`
    #[arg(long, value_name = "POOL")]
    pool: Option<PoolName>,

    #[command(flatten)]
    yes: Yes,

    #[command(flatten)]
    wait: Wait,
}

impl Drain {
    pub(crate) async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        let what = count_of(self.count.try_into().unwrap_or_default(), "idle instance");
        self.yes.or_ask(&format!(
            "Destroy up to {what}? The pool replaces them to reach its target"
        ))?;
        let drained = during(
            "asking Pool",
            target.pool.drain(self.pool.clone(), self.count),
        )
        .await;
        let drained = drained.map_err(|error| Failure::of_call("drain the pool", &error))?;
        let ids = &drained.instance_ids;
        let waited = self
            .wait
            .until("destroying", ids, target, Standing::gone)
            .await?;
        let ended = if waited.is_some() {
            "destroyed"
        } else {
            "being destroyed"
        };
        out.answer(&drained, || {
            concerned(&drained, ended, "No instance is idle; nothing to drain.")
        })?;
        Ok(none_is(&drained))
    }
}

impl Replenish {
    pub(crate) async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        let what = self.count.map_or_else(
            || "the missing instances".to_owned(),
            |count| {
                format!(
                    "{} more",
                    count_of(count.try_into().unwrap_or_default(), "instance")
                )
            },
        );
        self.yes.or_ask(&format!("Create {what}?"))?;
        let made = during(
            "asking Pool",
            target.pool.replenish(self.pool.clone(), self.count),
        )
        .await;
        let made = made.map_err(|error| Failure::of_call("replenish the pool", &error))?;
        let warm = |row: Option<&InstanceView>| match row.map(|it| it.status) {
            Some(Status::Starting) => Standing::Pending,
            _ => Standing::Done,
        };
        let waited = self
            .wait
            .until("warming", &made.instance_ids, target, warm)
            .await?;
        if let Some(fleet) = &waited {
            all_warm(&made, fleet)?;
        }
        let ended = if waited.is_some() {
            "warm"
        } else {
            "being created"
        };
        let none = "No instance is created: the target or the total limit is reached.";
        out.answer(&made, || concerned(&made, ended, none))?;
        Ok(if self.count.is_some() {
            none_is(&made)
        } else {
            Exit::Done
        })
    }
}

/// Nothing was drained or created.
const fn none_is(affected: &Affected) -> Exit {
    match affected.count {
        0 => Exit::Conflict,
        _ => Exit::Done,
    }
}

fn concerned(affected: &Affected, ended: &str, none: &str) -> String {
    if affected.count == 0 {
        return none.to_owned();
    }
    let ids = &affected.instance_ids;
    format!(
        "{} {} {ended}: {}",
        good("✓"),
        count_of(ids.len(), "instance"),
        list_of(ids)
    )
}

/// New instances that are being destroyed, or have no row any more, could not be created.
fn all_warm(made: &Affected, fleet: &PoolStatus) -> Result<(), Failure> {
    let lives = |it: &&InstanceView| it.status != Status::Destroying;
    let there = |id: &InstanceId| fleet.instances.iter().filter(lives).any(|it| it.id == *id);
    let lost: Vec<_> = made.instance_ids.iter().filter(|id| !there(id)).collect();
    if lost.is_empty() {
        return Ok(());
    }
    let why = fleet
        .last_create_error
        .as_deref()
        .unwrap_or("no reason was reported");
    let message = format!("{} could not be created: {}", list_of(&lost), plain(why));
    Err(Failure::new(Exit::Failed, "not_made", message).hint(
        "see `poolctl providers` for failing providers and `poolctl show ID` for the history",
    ))
}
