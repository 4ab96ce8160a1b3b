//! Gives an instance one tool, and writes it down.

use agent_pool_core::{EnvVars, InstanceId, ResourceId, ToolOptions};

use super::step::StepError;
use crate::app::App;
use crate::db::instance_services;
use crate::sealed_env::SealedEnv;
use crate::vendors::Tool;

/// A tool that is there and written down.
#[derive(Debug)]
pub(crate) struct Equipped {
    pub(crate) resource: ResourceId,
    pub(crate) env: EnvVars,
}

/// Provisions a tool whose intent is written down. Where that row is gone by now, what was made has none,
/// and is the caller's to undo.
pub(crate) async fn equip(
    app: &App,
    instance: &InstanceId,
    tool: &Tool,
    options: &ToolOptions,
) -> Result<Equipped, StepError> {
    let made = tool.provision(instance, options).await?;
    let key = tool.main_variable().clone();
    let sealed = SealedEnv::seal(app.cipher(), instance, tool.id(), key, &made.env)?;
    let mut conn = app.db().conn().await?;
    let (id, resource) = (tool.id(), &made.resource);
    let written =
        instance_services::record_made(&mut conn, instance, id, resource, &sealed, made.metadata)
            .await?;
    written.or_gone(instance)?;
    Ok(Equipped {
        resource: made.resource,
        env: made.env,
    })
}
