//! `poolctl tools`: adds tools to running instances and releases them.

use agent_pool_core::{InstanceId, ToolId};
use clap::{Args, Subcommand};

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Yes, during, good};

/// Add tools to instances and release them
#[derive(Debug, Args)]
pub(crate) struct Tools {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add a tool to an instance, unless it has it
    Add {
        #[command(flatten)]
        subject: Subject,
    },
    /// Destroy a tool of an instance; the instance stays
    Release {
        #[command(flatten)]
        subject: Subject,
        #[command(flatten)]
        yes: Yes,
    },
}

#[derive(Debug, Args)]
struct Subject {
    /// Instance id
    id: InstanceId,
    /// Tool, as `poolctl providers` lists it
    tool: ToolId,
}

impl Tools {
    pub(crate) async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        match self.command {
            Command::Add { subject } => add(&subject, out, target).await,
            Command::Release { subject, yes } => {
                let Subject { id, tool } = &subject;
                yes.or_ask(&format!("Destroy {tool} of instance {id}?"))?;
                release(&subject, out, target).await
            }
        }
    }
}

async fn add(Subject { id, tool }: &Subject, out: Out, target: &Target) -> Result<Exit, Failure> {
    let added = during("asking Pool", target.pool.add_tool(id, tool)).await;
    let added = added.map_err(|error| Failure::of_call(&format!("add {tool} to {id}"), &error))?;
    out.answer(&added, || {
        let from = if added.delivered {
            ""
        } else {
            "; its variables are available after the next deployment"
        };
        format!("{} instance {id} has {tool}{from}", good("✓"))
    })?;
    Ok(Exit::Done)
}

async fn release(
    Subject { id, tool }: &Subject,
    out: Out,
    target: &Target,
) -> Result<Exit, Failure> {
    let released = during("asking Pool", target.pool.release_tool(id, tool)).await;
    let released =
        released.map_err(|error| Failure::of_call(&format!("release {tool} of {id}"), &error))?;
    out.answer(&released, || {
        format!("{} instance {id} does not have {tool}", good("✓"))
    })?;
    Ok(Exit::Done)
}
