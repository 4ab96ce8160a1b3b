//! `GET /logs/:instanceId?lines=`.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::Logs;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::app::App;
use crate::ops::logs::logs;

/// The query of `GET /logs/:instanceId`.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
pub(crate) struct Query {
    /// Maximum number of lines.
    #[serde(default = "Query::default_lines")]
    lines: u16,
}

impl Query {
    const fn default_lines() -> u16 {
        100
    }
}

pub(crate) async fn handle(
    instance_id: InstanceId,
    query: Query,
    app: App,
) -> Result<Logs, Problem> {
    let lines = logs(&app, &instance_id, query.lines.into()).await?;
    Ok(Logs { instance_id, lines })
}
