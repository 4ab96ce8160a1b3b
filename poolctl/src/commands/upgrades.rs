//! `poolctl upgrades`: shows what instances run, and upgrades claimed ones to the recipe of their pool.

use std::time::Duration;

use agent_pool_core::wire::pool::{
    Affected, InstanceRecipe, UpgradeRequest, UpgradeState, Upgrades as Answer,
};
use agent_pool_core::{InstanceId, PoolName};
use clap::{Args, Subcommand};
use tokio::time::sleep;

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{
    Out, Table, Yes, cell, count_of, during, good, list_of, progress_bar, status_word,
};

/// How often the progress is polled.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Show what instances run, and upgrade claimed ones
#[derive(Debug, Args)]
pub(crate) struct Upgrades {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the recipe and the running version of each instance
    List {
        /// Only instances with another recipe than their pool
        #[arg(long)]
        outdated: bool,
    },
    /// Upgrade claimed instances to the recipe of their pool; they keep their volume and conversation
    Start(Start),
}

#[derive(Debug, Args)]
struct Start {
    /// Instance ids
    #[arg(
        value_name = "ID",
        required_unless_present = "pool",
        conflicts_with = "pool"
    )]
    ids: Vec<InstanceId>,

    /// Every outdated claimed instance of this pool
    #[arg(long, value_name = "POOL")]
    pool: Option<PoolName>,

    /// Number to upgrade at a time; after a failure no further one is started
    #[arg(long, value_name = "N", default_value_t = 1)]
    batch: u16,

    /// Wait until all have ended
    #[arg(long)]
    wait: bool,

    #[command(flatten)]
    yes: Yes,
}

impl Upgrades {
    pub(crate) async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        match self.command.unwrap_or(Command::List { outdated: false }) {
            Command::List { outdated } => list(outdated, out, target).await,
            Command::Start(start) => start.run(out, target).await,
        }
    }
}

async fn load(target: &Target) -> Result<Answer, Failure> {
    let answer = during("asking Pool", target.pool.upgrades()).await;
    answer.map_err(|error| Failure::of_call("list what instances run", &error))
}

async fn list(outdated: bool, out: Out, target: &Target) -> Result<Exit, Failure> {
    let mut answer = load(target).await?;
    if outdated {
        answer.instances.retain(|one| one.current != Some(true));
    }
    out.answer(&answer, || table(&answer))?;
    Ok(Exit::Done)
}

fn table(answer: &Answer) -> String {
    let head = [
        "INSTANCE", "POOL", "STATUS", "AGENT", "RECIPE", "CURRENT", "IMAGE", "VERSION", "UPGRADE",
    ];
    let mut table = Table::new(&head).keep(&[0, 2, 4]);
    for one in &answer.instances {
        let made_from = one
            .made_from
            .as_ref()
            .map_or("unknown", |hash| hash.as_str());
        table.row([
            cell(&one.instance_id),
            cell(&one.pool),
            status_word(one.status),
            cell(one.agent_name.as_deref().unwrap_or("-")),
            cell(made_from),
            cell(match one.current {
                Some(true) => "yes",
                Some(false) => "no",
                None => "unknown",
            }),
            cell(one.runs.image.as_deref().unwrap_or("-")),
            cell(one.runs.version.as_deref().unwrap_or("-")),
            cell(upgrade(one)),
        ]);
    }
    let mut text = table.to_string();
    for pool in &answer.pools {
        let recipe = match (&pool.recipe, &pool.problem) {
            (Some(recipe), _) => recipe.hash.to_string(),
            (None, Some(problem)) => format!("unknown: {problem}"),
            (None, None) => "unknown".to_owned(),
        };
        text.push_str(&format!(
            "\nPool {}: recipe {}",
            pool.pool,
            crate::out::plain(recipe)
        ));
    }
    text
}

fn upgrade(one: &InstanceRecipe) -> String {
    match &one.upgrade {
        None => "-".to_owned(),
        Some(upgrade) => match &upgrade.error {
            None => upgrade.state.as_str().to_owned(),
            Some(error) => format!("{}: {error}", upgrade.state.as_str()),
        },
    }
}

impl Start {
    async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        let which = match &self.pool {
            Some(pool) => format!("every outdated claimed instance of pool {pool}"),
            None => list_of(&self.ids),
        };
        self.yes
            .or_ask(&format!("Deploy {which} again with the current recipe?"))?;
        let request = UpgradeRequest {
            instance_ids: self.ids,
            pool: self.pool,
            batch: self.batch,
        };
        let requested = during("asking Pool", target.pool.upgrade(&request)).await;
        let requested = requested.map_err(|error| Failure::of_call("upgrade instances", &error))?;
        if self.wait {
            wait(&requested, target).await?;
        }
        let done = if self.wait {
            "upgraded"
        } else {
            "to be upgraded"
        };
        out.answer(&requested, || {
            let count = count_of(requested.instance_ids.len(), "instance");
            format!("{} {count} {done}", good("✓"))
        })?;
        Ok(Exit::Done)
    }
}

/// Waits until each has ended.
async fn wait(requested: &Affected, target: &Target) -> Result<(), Failure> {
    let ids = &requested.instance_ids;
    let bar = progress_bar("upgrading", ids.len());
    loop {
        let answer = target.pool.upgrades().await;
        let answer = answer.map_err(|error| Failure::of_call("check the progress", &error))?;
        let mut ended = 0;
        for one in answer
            .instances
            .iter()
            .filter(|one| ids.contains(&one.instance_id))
        {
            match one.upgrade.as_ref().map(|upgrade| upgrade.state) {
                Some(UpgradeState::Waiting | UpgradeState::Running) => {}
                Some(UpgradeState::Done) | None => ended += 1,
                Some(UpgradeState::Failed | UpgradeState::Stopped) => {
                    bar.finish_and_clear();
                    let message = format!("instance {}: {}", one.instance_id, upgrade(one));
                    return Err(Failure::new(Exit::Failed, "not_upgraded", message)
                        .hint("see `poolctl upgrades`; the other instances of the request that were upgraded stay upgraded"));
                }
            }
        }
        let gone = ids
            .iter()
            .filter(|id| answer.instances.iter().all(|one| one.instance_id != **id));
        ended += gone.count();
        bar.set_position(u64::try_from(ended).unwrap_or_default());
        if ended == ids.len() {
            bar.finish_and_clear();
            return Ok(());
        }
        sleep(LOOK_EVERY).await;
    }
}
