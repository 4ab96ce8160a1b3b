//! The end of a grant: asked for, or as the undo of its making.

use agent_pool_core::wire::services::Destroyed;
use agent_pool_core::{InstanceId, ToolId};
use agent_pool_service_kit::db::DbError;
use futures_util::future::join_all;
use tracing::info;

use crate::app::App;
use crate::db::local_grants;
use crate::ops::step::StepError;
use crate::ops::tear_down::{TornDown, leftovers};

/// Destroys the tools of a grant side by side, then its row.
///
/// The grant expires first: what cannot be destroyed now is the next sweep's.
pub(crate) async fn take_back(app: &App, instance: &InstanceId) -> Result<TornDown, DbError> {
    let ended = local_grants::end(&mut *app.db().conn().await?, instance).await?;
    let Some(tools) = ended else {
        return Ok(TornDown::Unknown);
    };
    let taken = join_all(tools.iter().map(|tool| destroy(app, instance, tool))).await;
    let left = leftovers(instance, tools.iter().map(ToolId::as_str).zip(taken));
    if !left.is_empty() {
        return Ok(TornDown::Partly(left));
    }
    local_grants::delete(&mut *app.db().conn().await?, instance).await?;
    info!(instance.id = %instance, "local instance {instance} is destroyed");
    Ok(TornDown::Gone(Destroyed {
        tools: tools.into_iter().map(|tool| (tool, true)).collect(),
        volumes: false,
        service: false,
    }))
}

async fn destroy(app: &App, instance: &InstanceId, tool: &ToolId) -> Result<(), StepError> {
    Ok(app.vendors().tool(tool)?.destroy_by_mark(instance).await?)
}
