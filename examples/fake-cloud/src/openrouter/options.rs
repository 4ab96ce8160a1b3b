//! How OpenRouter is set up.

use serde::{Deserialize, Serialize};

/// Account, page size and keys of OpenRouter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenRouterOptions {
    /// The management keys that are accepted.
    pub management_keys: Vec<String>,
    /// Keys in one page of `GET /keys`; the guide says 100 [D].
    pub page_size: usize,
    /// Dollars bought.
    pub total_credits: f64,
}

impl Default for OpenRouterOptions {
    fn default() -> Self {
        Self {
            management_keys: vec!["sk-or-v1-fake-management".into()],
            page_size: 100,
            total_credits: 1000.0,
        }
    }
}
