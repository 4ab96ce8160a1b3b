//! `POST /provision/:instanceId/:toolId`: adds a tool to an existing instance.

use std::collections::BTreeMap;

use agent_pool_core::registry::LookupError;
use agent_pool_core::wire::services::{ProvisionedToolReply, ToolStatus};
use agent_pool_core::{InstanceId, ToolId, ToolOptions};
use agent_pool_service_kit::db::DbError;

use super::add_tools::{Place, add_tools};
use super::lease::Lease;
use super::precondition::PreconditionError;
use super::running::{RunningError, find_running};
use super::step_error::StepError;
use super::tool::load;
use crate::app::App;
use crate::db::instance_services::InstanceTool;
use crate::providers::Tool;

/// Why a tool could not be added.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProvisionError {
    /// The tool is not available. Nothing was done.
    #[error(transparent)]
    Tool(LookupError),
    /// Nothing was done.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// It has the tool.
    #[error("instance {instance} already has {tool}")]
    AlreadyProvisioned { instance: InstanceId, tool: ToolId },
    /// The rows or a vendor failed. What was made is undone, or its row stays marked.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl From<DbError> for ProvisionError {
    fn from(error: DbError) -> Self {
        Self::Step(error.into())
    }
}

impl From<RunningError> for ProvisionError {
    fn from(error: RunningError) -> Self {
        match error {
            RunningError::Precondition(error) => Self::Precondition(error),
            RunningError::Step(error) => Self::Step(error),
        }
    }
}

/// Adds a tool to an instance.
pub(crate) async fn provision_tool(
    app: App,
    instance: InstanceId,
    tool: ToolId,
    options: ToolOptions,
) -> Result<ProvisionedToolReply, ProvisionError> {
    let tool = app.providers().tool(&tool).map_err(ProvisionError::Tool)?;
    let lease = Lease::wait_for::<ProvisionError>(&app, &instance).await?;
    lease.hold(provision_leased(&lease, &tool, &options)).await
}

/// Like [`provision_tool`], under the lease.
pub(super) async fn provision_leased(
    lease: &Lease,
    tool: &Tool,
    options: &ToolOptions,
) -> Result<ProvisionedToolReply, ProvisionError> {
    let (app, instance) = (lease.app(), lease.instance());
    let (infra, handle) = &find_running(app, instance).await?;
    let rows = load(app, instance).await?;
    ensure_new(app, instance, &rows, tool.id())?;
    let place = Place { infra, handle };
    let none = BTreeMap::new();
    let mut made = add_tools(lease, place, &[tool], options, &rows, &none).await?;
    let made = made.pop().expect("each tool is made, or the call fails");
    Ok(ProvisionedToolReply {
        tool_id: tool.id().clone(),
        resource_id: made.resource,
        env_key: tool.main_variable().to_string(),
        status: ToolStatus::Active,
    })
}

/// Refuses a tool that the instance has, and one that sets the same variable as a tool that it has.
fn ensure_new(
    app: &App,
    instance: &InstanceId,
    rows: &[InstanceTool],
    tool: &ToolId,
) -> Result<(), ProvisionError> {
    let present = || rows.iter().filter(|row| row.in_use().is_some());
    if present().any(|row| row.tool == *tool) {
        return Err(ProvisionError::AlreadyProvisioned {
            instance: instance.clone(),
            tool: tool.clone(),
        });
    }
    let all = present().map(|row| &row.tool).chain([tool]);
    let together = app.providers().registry().together(all);
    together.map_err(|clash| ProvisionError::Tool(LookupError::from(clash)))
}
