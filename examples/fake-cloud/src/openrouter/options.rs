//! The options of OpenRouter.

use serde::{Deserialize, Serialize};

/// Account, page size and keys of OpenRouter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenRouterOptions {
    /// The accepted management keys.
    pub management_keys: Vec<String>,
    /// Page size of `GET /keys`; the guide says 100 [D].
    pub page_size: usize,
    /// The answer to `GET /workspaces`.
    pub workspaces: WorkspaceList,
    /// Guardrails that can be assigned to keys.
    pub guardrails: Vec<String>,
    /// Credits bought, in dollars.
    pub total_credits: f64,
}

/// The answer to `GET /workspaces`; accounts without workspaces exist [O].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkspaceList {
    /// All workspaces.
    All,
    /// An empty list, although the default workspace exists.
    Empty,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
}

impl Default for OpenRouterOptions {
    fn default() -> Self {
        Self {
            management_keys: vec!["sk-or-v1-fake-management".into()],
            page_size: 100,
            workspaces: WorkspaceList::All,
            guardrails: vec!["550e8400-e29b-41d4-a716-446655440000".into()],
            total_credits: 1000.0,
        }
    }
}
