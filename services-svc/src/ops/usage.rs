//! The usage of instances' tools, as their vendors report it.

use std::collections::HashSet;
use std::time::Duration;

use agent_pool_core::wire::services::{ToolStatus, UsageBatch};
use agent_pool_core::{InstanceId, Usage, chain};
use agent_pool_service_kit::db::DbError;
use futures_util::{StreamExt, stream};
use tracing::debug;

use super::step_error::StepError;
use crate::app::App;
use crate::db::instance_services::{self, InstanceTool};

/// Number of concurrent vendor calls for a batch.
const CONCURRENCY: usize = 8;
/// How long a vendor may take to answer for one resource of a batch before it is left out.
const BATCH_WITHIN: Duration = Duration::from_secs(10);

/// The usage of one tool; `None` if the provider cannot report it, or not within this time.
pub(super) async fn usage(app: &App, tool: &InstanceTool, within: Duration) -> Option<Usage> {
    if tool.status == ToolStatus::Destroyed {
        return None;
    }
    let resource = tool.made.as_ref()?;
    let asked = async {
        let provider = app.providers().tool(&tool.tool)?;
        Ok::<_, StepError>(provider.usage(resource, within).await?)
    };
    match asked.await {
        Ok(usage) => usage,
        Err(error) => {
            debug!(
                error.chain = chain(&error),
                "the usage of {} is not available", tool.tool
            );
            None
        }
    }
}

/// The usage of these instances' tools. Instances without a row, and tools that cannot report it, are absent.
pub(crate) async fn usage_batch(
    app: &App,
    instances: &[InstanceId],
) -> Result<UsageBatch, DbError> {
    let mut conn = app.db().conn().await?;
    let tools = instance_services::load_in_use(&mut conn, instances).await?;
    drop(conn);
    let telling: HashSet<_> = app
        .providers()
        .registry()
        .tools()
        .filter(|(_, entry)| {
            let provider = entry.provider.as_ref();
            provider.is_ok_and(|provider| provider.capabilities().usage)
        })
        .map(|(id, _)| id)
        .collect();
    let tools = tools.into_iter();
    let tools = tools.filter(|(_, tool)| telling.contains(&tool.tool));
    // Collected first: the future of a stream that maps lazily is not known to be Send.
    let calls: Vec<_> = tools.map(|(id, tool)| ask(app, id, tool)).collect();
    let answers: Vec<_> = stream::iter(calls)
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    let mut batch = UsageBatch::new();
    for (instance, tool, usage) in answers.into_iter().flatten() {
        batch.entry(instance).or_default().insert(tool.tool, usage);
    }
    Ok(batch)
}

async fn ask(
    app: &App,
    instance: InstanceId,
    tool: InstanceTool,
) -> Option<(InstanceId, InstanceTool, Usage)> {
    let usage = usage(app, &tool, BATCH_WITHIN).await?;
    Some((instance, tool, usage))
}
