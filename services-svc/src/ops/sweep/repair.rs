//! Provisions missing tools again.

use std::collections::BTreeMap;

use agent_pool_core::wire::services::Missing;
use agent_pool_core::{InstanceId, ToolId, chain};
use futures_util::{StreamExt, stream};
use tracing::warn;

use super::compare::MissingItem;
use crate::app::App;
use crate::ops::repair_tool::repair_tool;

/// The number of instances that are repaired concurrently.
const MAX_CONCURRENT: usize = 8;

/// Repairs the repairable tools, and marks the repaired ones.
pub(super) async fn repair_all(
    app: &App,
    items: &mut [MissingItem],
    failures: &mut BTreeMap<String, String>,
) {
    let mut by_instance: BTreeMap<InstanceId, Vec<&mut Missing>> = BTreeMap::new();
    for item in items.iter_mut().filter(|item| item.repairable) {
        let instance = item.missing.instance_id.clone();
        let tools = by_instance.entry(instance).or_default();
        tools.push(&mut item.missing);
    }
    // Collected first: the future of a stream that maps lazily is not known to be Send.
    let repairs: Vec<_> = by_instance
        .into_iter()
        .map(|(instance, tools)| repair_instance(app, instance, tools))
        .collect();
    let repairs = stream::iter(repairs).buffer_unordered(MAX_CONCURRENT);
    let failed: Vec<Vec<(String, String)>> = repairs.collect().await;
    failures.extend(failed.into_iter().flatten());
}

/// Repairs the tools of one instance one after the other, because they share its lease. Returns the failures by
/// provider.
async fn repair_instance(
    app: &App,
    instance: InstanceId,
    tools: Vec<&mut Missing>,
) -> Vec<(String, String)> {
    let mut failures = Vec::new();
    for missing in tools {
        let parsed = (
            missing.provider.parse::<ToolId>(),
            missing.resource_id.parse(),
        );
        let (Ok(tool), Ok(resource)) = parsed else {
            continue;
        };
        match repair_tool(app, &instance, &tool, &resource).await {
            Ok(repaired) => missing.repaired = repaired,
            Err(error) => {
                warn!(
                    instance.id = %instance,
                    error.chain = chain(&error),
                    "{tool} of instance {instance} could not be repaired"
                );
                failures.push((missing.provider.clone(), error.to_string()));
            }
        }
    }
    failures
}
