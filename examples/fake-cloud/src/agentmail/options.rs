//! The options of AgentMail.

use serde::{Deserialize, Serialize};

/// Plan, domains and keys of AgentMail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentMailOptions {
    /// The accepted keys of the organisation.
    pub api_keys: Vec<String>,
    /// Maximum number of inboxes: 3, 10 or 150 in the vendor's plans [D].
    pub inbox_limit: usize,
    /// Pods in addition to the organisation's own.
    pub pods: Vec<String>,
    /// Verified domains in addition to `agentmail.to`.
    pub domains: Vec<String>,
    /// Domains that are registered but not verified.
    pub unverified_domains: Vec<String>,
    /// The maximum and default page size; not documented for inboxes [?], 100 for searches [D].
    pub page_size: usize,
    /// The answer to a `client_id` whose inbox was deleted; not documented [?].
    pub after_delete: AfterDelete,
}

/// The effect of a creation with the `client_id` of a deleted inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterDelete {
    /// Creates a new inbox.
    Forget,
    /// Returns the previous answer, for an inbox that no longer exists.
    Replay,
    /// Answers 403 `resource_taken`.
    Conflict,
}

impl Default for AgentMailOptions {
    fn default() -> Self {
        Self {
            api_keys: vec!["am_fake_organization".into()],
            inbox_limit: 150,
            pods: Vec::new(),
            domains: Vec::new(),
            unverified_domains: Vec::new(),
            page_size: 100,
            after_delete: AfterDelete::Forget,
        }
    }
}
