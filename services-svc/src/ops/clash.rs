//! Whether an instance can have one more tool.

use agent_pool_core::registry::LookupError;
use agent_pool_core::{InstanceId, ToolId};

use super::provision::ProvisionError;
use super::step::StepError;
use crate::app::App;
use crate::db::instance_services;

/// Refuses a tool that declares a variable which a tool that the instance has sets already.
pub(super) async fn fits(
    app: &App,
    instance: &InstanceId,
    tool: &ToolId,
) -> Result<(), ProvisionError> {
    let rows = async {
        let mut conn = app.db().conn().await?;
        instance_services::load(&mut conn, instance).await
    };
    let rows = rows.await.map_err(StepError::from)?;
    let had = rows.iter().filter(|row| row.in_use().is_some());
    let all = had.map(|row| &row.tool).chain([tool]);
    let together = app.vendors().registry().together(all);
    together.map_err(|clash| ProvisionError::Tool(LookupError::from(clash)))
}
