//! `poolctl pools`: shows and changes pools.

mod apply;
mod change;
mod diff;
mod list;

use std::path::PathBuf;

use agent_pool_core::PoolName;
use clap::{Args, Subcommand};

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Yes};

/// Show and change pools
#[derive(Debug, Args)]
pub(crate) struct Pools {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the pools
    List,
    /// Show one pool and its latest versions
    Show {
        /// Pool
        name: PoolName,
    },
    /// Change pools to match a file, after showing the difference
    Apply {
        /// TOML file with a table [pools.NAME] for each pool
        #[arg(long, short = 'f', value_name = "FILE")]
        file: PathBuf,
        /// Show the difference and change nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        yes: Yes,
    },
    /// Change the policy of a pool
    Set {
        /// Pool
        name: PoolName,
        #[command(flatten)]
        change: change::PolicyChange,
    },
    /// Stop creating instances in a pool; idle ones can still be claimed
    Pause {
        /// Pool
        name: PoolName,
    },
    /// Resume creating instances in a pool
    Resume {
        /// Pool
        name: PoolName,
    },
    /// Destroy the idle instances of a pool and delete it
    Delete {
        /// Pool
        name: PoolName,
        /// Pool to move its agents to; otherwise a pool with agents is not deleted
        #[arg(long, value_name = "POOL")]
        move_to: Option<PoolName>,
        #[command(flatten)]
        yes: Yes,
    },
}

impl Pools {
    pub(crate) async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        match self.command.unwrap_or(Command::List) {
            Command::List => list::list(out, target).await,
            Command::Show { name } => list::show(&name, out, target).await,
            Command::Apply { file, dry_run, yes } => {
                apply::run(&file, dry_run, yes, out, target).await
            }
            Command::Set { name, change } => change::set(&name, change, out, target).await,
            Command::Pause { name } => change::pause(&name, true, out, target).await,
            Command::Resume { name } => change::pause(&name, false, out, target).await,
            Command::Delete { name, move_to, yes } => {
                change::delete(&name, move_to.as_ref(), yes, out, target).await
            }
        }
    }
}
