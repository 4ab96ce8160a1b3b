//! `DELETE /instances/:instanceId/tools/:toolId`: releases a tool of an instance, whichever resource it has.

use agent_pool_core::registry::LookupError;
use agent_pool_core::wire::services::{RemovedTool, ToolStatus};
use agent_pool_core::{EnvVars, InstanceId, Redeploy, Secret, ToolId};

use super::add_tools::Place;
use super::lease::Lease;
use super::running::{RunningError, find_running};
use super::step_error::StepError;
use super::tool::{destroy_and_record, find};
use crate::app::App;
use crate::db::instance_services::{self, InstanceTool};

/// Destroys a tool and blanks its variables, without a deployment. If the tool is destroyed already, its variables are
/// still blanked.
pub(crate) async fn remove_tool(
    app: App,
    instance: InstanceId,
    tool: ToolId,
) -> Result<RemovedTool, RunningError> {
    let lease = Lease::wait_for::<RunningError>(&app, &instance).await?;
    let work = async {
        let (infra, handle) = find_running(&app, &instance).await?;
        let Some(row) = find(&app, &instance, &tool).await? else {
            // A misspelt id must not look like a tool that is released.
            if let Err(unknown @ LookupError::Unknown { .. }) = app.providers().tool(&tool) {
                return Err(StepError::from(unknown).into());
            }
            return Ok(RemovedTool {
                instance_id: instance.clone(),
                tool_id: tool.clone(),
                removed: false,
                variables: Vec::new(),
            });
        };
        let place = Place {
            infra: &infra,
            handle: &handle,
        };
        remove(&lease, place, &row).await
    };
    lease.hold(work).await
}

async fn remove(
    lease: &Lease,
    Place { infra, handle }: Place<'_>,
    row: &InstanceTool,
) -> Result<RemovedTool, RunningError> {
    let (app, instance, id) = (lease.app(), lease.instance(), &row.tool);
    let removed = row.status == ToolStatus::Active;
    if removed {
        let mark = async |conn: &mut _, fence: &_| {
            instance_services::mark_destroying(conn, fence, id).await
        };
        let marked = lease.write(mark).await?;
        marked.or_gone(instance).map_err(StepError::from)?;
        destroy_and_record(lease, row).await?;
    }
    // Even if the tool is destroyed already: the call that destroyed it may have been interrupted before this step.
    let names = app.providers().variable_names(id);
    let blank: EnvVars = names
        .iter()
        .map(|name| (name.clone(), Secret::new("")))
        .collect();
    let blanked = infra.configure(handle, &blank, Redeploy::No).await;
    blanked.map_err(StepError::from)?;
    Ok(RemovedTool {
        instance_id: instance.clone(),
        tool_id: id.clone(),
        removed,
        variables: names,
    })
}
