//! How OpenRouter is set up.

use serde::{Deserialize, Serialize};

/// Account, page size and keys of OpenRouter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenRouterOptions {
    /// The management keys that are accepted.
    pub management_keys: Vec<String>,
    /// Keys in one page of `GET /keys`; the guide says 100 [D].
    pub page_size: usize,
    /// How the account answers `GET /workspaces`.
    pub workspaces: WorkspaceList,
    /// Guardrails that keys can be assigned to.
    pub guardrails: Vec<String>,
    /// Dollars bought.
    pub total_credits: f64,
}

/// How `GET /workspaces` answers; accounts without workspaces exist [O].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkspaceList {
    /// With every workspace.
    All,
    /// With none, although there is the default one.
    Empty,
    /// With 403.
    Forbidden,
    /// With 404.
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
