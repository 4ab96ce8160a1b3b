//! `POST /usage/batch`.

use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::wire::services::{UsageBatch, UsageBatchRequest};

use crate::app::App;
use crate::ops::usage::usage_batch;
use crate::problem;

/// Maximum number of instances in one request: each costs calls of vendors.
const MOST_INSTANCES: usize = 100;

pub(crate) async fn handle(request: UsageBatchRequest, app: App) -> Result<UsageBatch, Problem> {
    let count = request.instance_ids.len();
    if count > MOST_INSTANCES {
        let detail = format!("instanceIds has {count} members: expected at most {MOST_INSTANCES}");
        return Err(Problem::new(ProblemCode::InvalidField, detail).with_field("instanceIds"));
    }
    let batch = usage_batch(&app, &request.instance_ids).await;
    batch.map_err(|error| problem::database(&error))
}
