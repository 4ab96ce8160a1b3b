//! `PUT /instances/:instanceId/tools`: creates the missing ones of these tools, and returns the variables of all.
//!
//! A repeated call returns the same: the variables of an existing tool are read from its row, and set again, because
//! the call that made the tool may have been interrupted before it set them, and the recovery may not have run yet.

use std::collections::BTreeMap;

use agent_pool_core::registry::LookupError;
use agent_pool_core::wire::services::{EnsuredTools, ToolResource};
use agent_pool_core::{EnvVars, InstanceId, ToolId, ToolOptions};
use agent_pool_service_kit::db::DbError;

use super::add_tools::{Place, add_tools};
use super::lease::Lease;
use super::precondition::PreconditionError;
use super::requested_tools::{UnavailableTool, resolve_tools};
use super::running::{RunningError, find_running};
use super::step_error::StepError;
use super::tool::load;
use crate::app::App;
use crate::db::instance_services::InstanceTool;
use crate::providers::Tool;

/// Why tools could not be added.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnsureToolsError {
    /// A tool of the request is not available. Nothing was done.
    #[error(transparent)]
    Tool(#[from] UnavailableTool),
    /// A tool of the request sets the same variable as one that the instance has. Nothing was done.
    #[error(transparent)]
    Clash(LookupError),
    /// Nothing was done.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// The rows or a vendor failed. What was made is undone, or its row stays marked.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl From<DbError> for EnsureToolsError {
    fn from(error: DbError) -> Self {
        Self::Step(error.into())
    }
}

impl From<RunningError> for EnsureToolsError {
    fn from(error: RunningError) -> Self {
        match error {
            RunningError::Precondition(error) => Self::Precondition(error),
            RunningError::Step(error) => Self::Step(error),
        }
    }
}

/// Gives an instance the tools that it lacks.
pub(crate) async fn ensure_tools(
    app: App,
    instance: InstanceId,
    tools: Vec<ToolId>,
) -> Result<EnsuredTools, EnsureToolsError> {
    let tools = resolve_tools(&app, &tools)?;
    let lease = Lease::wait_for::<EnsureToolsError>(&app, &instance).await?;
    lease.hold(ensure_leased(&lease, &tools)).await
}

async fn ensure_leased(
    lease: &Lease,
    tools: &BTreeMap<ToolId, Tool>,
) -> Result<EnsuredTools, EnsureToolsError> {
    let (app, instance) = (lease.app(), lease.instance());
    let (infra, handle) = &find_running(app, instance).await?;
    let rows = load(app, instance).await?;
    check_variables(app, &rows, tools)?;
    let mut ensured = EnsuredTools {
        instance_id: instance.clone(),
        tools: BTreeMap::new(),
        made: Vec::new(),
        variables: EnvVars::new(),
        prices: app.providers().tool_prices(tools.keys()),
    };
    let mut present = BTreeMap::new();
    for row in rows.iter().filter(|row| tools.contains_key(&row.tool)) {
        if let Some(resource) = row.in_use() {
            let env = row.env.open(app.cipher(), instance, &row.tool);
            let env = env.map_err(StepError::from)?;
            ensured.variables.merge(env.clone());
            present.insert(row.tool.clone(), env);
            let resource_id = resource.clone();
            let id = row.tool.clone();
            ensured.tools.insert(id, ToolResource { resource_id });
        }
    }
    let missing = tools.values();
    let missing: Vec<&Tool> = missing
        .filter(|tool| !ensured.tools.contains_key(tool.id()))
        .collect();
    let place = Place { infra, handle };
    let options = ToolOptions::new();
    let made = add_tools(lease, place, &missing, &options, &rows, &present).await?;
    for (tool, made) in missing.into_iter().zip(made) {
        let resource_id = made.resource;
        let id = tool.id().clone();
        ensured.made.push(id.clone());
        ensured.tools.insert(id, ToolResource { resource_id });
        ensured.variables.merge(made.env);
    }
    Ok(ensured)
}

/// Refuses tools that set the same variable as another one that the instance has.
fn check_variables(
    app: &App,
    rows: &[InstanceTool],
    tools: &BTreeMap<ToolId, Tool>,
) -> Result<(), EnsureToolsError> {
    let others = rows.iter().filter(|row| row.in_use().is_some());
    let others = others.map(|row| &row.tool);
    let others = others.filter(|id| !tools.contains_key(*id));
    let together = app
        .providers()
        .registry()
        .together(others.chain(tools.keys()));
    together.map_err(|clash| EnsureToolsError::Clash(clash.into()))
}
