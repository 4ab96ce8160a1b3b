//! Tools for an instance that exists, made side by side, all or none.
//!
//! Their variables are set without a deployment, which would interrupt the agent. The next deployment applies them;
//! `POST /redeploy` makes one now.

use agent_pool_core::{Attempt, EnvVars, InfraHandle, Redeploy, ToolOptions, chain};
use futures_util::future::join_all;
use tracing::warn;

use super::lease::Lease;
use super::step_error::StepError;
use super::tool::{ReadyTool, provision_and_record, undo};
use crate::db::instance_services::{self, InstanceTool, NewTool};
use crate::providers::{Infra, Tool};

/// Where an instance runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) infra: &'a Infra,
    pub(super) handle: &'a InfraHandle,
}

/// Makes `tools` and sets their variables, and `more` with them. `rows` are the tools that the instance has or had.
/// After a failure everything is undone that was made, or its row stays, marked.
pub(super) async fn add_tools(
    lease: &Lease,
    place: Place<'_>,
    tools: &[&Tool],
    options: &ToolOptions,
    rows: &[InstanceTool],
    more: EnvVars,
) -> Result<Vec<ReadyTool>, StepError> {
    if !tools.is_empty() {
        insert_intents(lease, tools).await?;
    }
    let made = make(lease, place, tools, options, rows, more).await;
    if made.is_err() {
        join_all(tools.iter().map(|tool| try_to_undo(lease, tool))).await;
    }
    made
}

async fn insert_intents(lease: &Lease, tools: &[&Tool]) -> Result<(), StepError> {
    let instance = lease.instance();
    let label = &lease.app().providers().context().mark().label(instance);
    let rows: Vec<_> = tools
        .iter()
        .map(|tool| NewTool {
            tool: tool.id(),
            main: tool.main_variable(),
        })
        .collect();
    let written = lease.write(async |conn, fence| {
        instance_services::insert_intents(conn, fence, label, &rows).await
    });
    Ok(written.await?.or_gone(instance)?)
}

/// All calls are awaited, also after a failure, because a call that is in flight cannot be undone.
async fn make(
    lease: &Lease,
    place: Place<'_>,
    tools: &[&Tool],
    options: &ToolOptions,
    rows: &[InstanceTool],
    more: EnvVars,
) -> Result<Vec<ReadyTool>, StepError> {
    let calls = tools.iter().map(|tool| {
        // Of a tool that the instance had before, something may be left at the vendor.
        let attempt = if rows.iter().any(|row| row.tool == *tool.id()) {
            Attempt::Later
        } else {
            Attempt::First
        };
        provision_and_record(lease, tool, attempt, options)
    });
    let made = join_all(calls).await.into_iter();
    let made = made.collect::<Result<Vec<_>, StepError>>()?;
    let mut env = more;
    for tool in &made {
        env.merge(tool.env.clone());
    }
    if !env.is_empty() {
        let Place { infra, handle } = place;
        infra.configure(handle, &env, Redeploy::No).await?;
    }
    Ok(made)
}

async fn try_to_undo(lease: &Lease, tool: &Tool) {
    let (instance, tool) = (lease.instance(), tool.id());
    if let Err(left) = undo(lease, tool).await {
        warn!(
            instance.id = %instance,
            tool.id = %tool,
            error.chain = chain(&left),
            "{tool} of instance {instance} could not be undone; its row stays"
        );
    }
}
