//! Explanations of the state of instances and pools.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `GET /api/pool/explain/instance/:id` and `/api/pool/explain/pool/:name`: an explanation in sentences.
///
/// ```
/// # use {agent_pool_core::wire::pool::Explanation, serde_json::json};
/// let story: Explanation = serde_json::from_value(json!({
///     "subject": "pool default", "steps": [{"text": "It keeps 3 idle instances: the policy says so."}],
/// }))?;
/// assert_eq!(story.steps.len(), 1);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The instance or pool that is explained.
    pub subject: String,
    /// The sentences, in order.
    pub steps: Vec<ExplainedStep>,
}

/// One sentence of an explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedStep {
    /// When it happened; absent for a statement about the present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// The sentence.
    pub text: String,
}
