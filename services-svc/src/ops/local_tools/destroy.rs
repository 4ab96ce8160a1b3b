//! Ends a grant, on request or as the undo of a failed one.

use agent_pool_core::wire::services::Destroyed;
use agent_pool_core::{InstanceId, ToolId};
use agent_pool_service_kit::db::DbError;
use futures_util::future::join_all;
use tracing::info;

use crate::app::App;
use crate::db::local_grants;
use crate::ops::step_error::StepError;
use crate::ops::tear_down::{TearDown, leftovers};

/// Destroys the tools of a grant concurrently, then its row.
///
/// The grant expires first, so that the next sweep destroys what cannot be destroyed now.
pub(crate) async fn destroy_grant(app: &App, instance: &InstanceId) -> Result<TearDown, DbError> {
    let expired = local_grants::expire(&mut *app.db().conn().await?, instance).await?;
    let Some(tools) = expired else {
        return Ok(TearDown::NotFound);
    };
    let results = join_all(tools.iter().map(|tool| destroy(app, instance, tool))).await;
    let left = leftovers(instance, tools.iter().map(ToolId::as_str).zip(results));
    if !left.is_empty() {
        return Ok(TearDown::Incomplete(left));
    }
    local_grants::delete(&mut *app.db().conn().await?, instance).await?;
    info!(instance.id = %instance, "local instance {instance} is destroyed");
    Ok(TearDown::Complete(Destroyed {
        tools: tools.into_iter().map(|tool| (tool, true)).collect(),
        volumes: false,
        service: false,
    }))
}

async fn destroy(app: &App, instance: &InstanceId, tool: &ToolId) -> Result<(), StepError> {
    Ok(app
        .providers()
        .tool(tool)?
        .destroy_by_mark(instance)
        .await?)
}
