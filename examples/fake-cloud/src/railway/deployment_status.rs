//! The status of a deployment.

use async_graphql::Enum;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The vendor's thirteen statuses; its documentation lists ten of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Enum, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the vendor's words")]
pub enum DeploymentStatus {
    Building,
    Crashed,
    Deploying,
    Failed,
    Initializing,
    NeedsApproval,
    Queued,
    Removed,
    Removing,
    Skipped,
    Sleeping,
    Success,
    Waiting,
}

impl DeploymentStatus {
    /// The vendor's name of it.
    pub(crate) fn word(self) -> String {
        json!(self).as_str().unwrap_or_default().to_owned()
    }
}
