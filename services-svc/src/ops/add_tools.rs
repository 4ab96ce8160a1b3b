//! Adds tools to an existing instance, concurrently, all or none.
//!
//! Their variables are set without a deployment, which would interrupt the agent. The next deployment applies them;
//! `POST /redeploy` starts one now.

use std::collections::BTreeMap;

use agent_pool_core::{Attempt, EnvVars, InfraHandle, Redeploy, ToolId, ToolOptions, chain};
use futures_util::future::join_all;
use tracing::warn;

use super::lease::Lease;
use super::step_error::StepError;
use super::tool::{ReadyTool, provision_and_record, undo};
use crate::db::instance_services::{self, InstanceTool, NewTool, Variables};
use crate::providers::{Infra, Tool};

/// Where an instance runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) infra: &'a Infra,
    pub(super) handle: &'a InfraHandle,
}

/// Creates `tools`, and sets their variables together with those of `present` tools. `rows` are the tools that the
/// instance has or had. After a failure, every created tool is undone, or its row stays marked.
pub(super) async fn add_tools(
    lease: &Lease,
    place: Place<'_>,
    tools: &[&Tool],
    options: &ToolOptions,
    rows: &[InstanceTool],
    present: &BTreeMap<ToolId, EnvVars>,
) -> Result<Vec<ReadyTool>, StepError> {
    if !tools.is_empty() {
        insert_intents(lease, tools).await?;
    }
    let made = make(lease, place, tools, options, rows, present).await;
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
        instance_services::insert_intents(conn, fence, label, &rows, Variables::Apart).await
    });
    Ok(written.await?.or_gone(instance)?)
}

/// All calls are awaited even after a failure, because a call in flight cannot be undone.
async fn make(
    lease: &Lease,
    place: Place<'_>,
    tools: &[&Tool],
    options: &ToolOptions,
    rows: &[InstanceTool],
    present: &BTreeMap<ToolId, EnvVars>,
) -> Result<Vec<ReadyTool>, StepError> {
    let calls = tools.iter().map(|tool| {
        // A tool that the instance had before may have left a resource at the vendor.
        let attempt = if rows.iter().any(|row| row.tool == *tool.id()) {
            Attempt::Later
        } else {
            Attempt::First
        };
        provision_and_record(lease, tool, attempt, options)
    });
    let made = join_all(calls).await.into_iter();
    let made = made.collect::<Result<Vec<_>, StepError>>()?;
    let mut all = present.clone();
    for (tool, ready) in tools.iter().zip(&made) {
        all.insert(tool.id().clone(), ready.env.clone());
    }
    set_variables(lease, place, &all).await?;
    Ok(made)
}

/// Sets the variables of tools that are recorded, and removes their marks.
pub(super) async fn set_variables(
    lease: &Lease,
    place: Place<'_>,
    tools: &BTreeMap<ToolId, EnvVars>,
) -> Result<(), StepError> {
    let mut env = EnvVars::new();
    tools.values().for_each(|tool| env.merge(tool.clone()));
    if !env.is_empty() {
        let Place { infra, handle } = place;
        infra.configure(handle, &env, Redeploy::No).await?;
    }
    let ids: Vec<&ToolId> = tools.keys().collect();
    if ids.is_empty() {
        return Ok(());
    }
    let written =
        lease.write(async |conn, fence| instance_services::record_set(conn, fence, &ids).await);
    Ok(written.await?.or_gone(lease.instance())?)
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
