//! How AgentMail is set up.

use serde::{Deserialize, Serialize};

/// Plan, domains and keys of AgentMail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentMailOptions {
    /// The organisation's keys that are accepted.
    pub api_keys: Vec<String>,
    /// Inboxes of the plan: 3, 10 or 150 in the vendor's plans [D].
    pub inbox_limit: usize,
    /// Pods besides the organisation's own.
    pub pods: Vec<String>,
    /// Verified domains besides `agentmail.to`.
    pub domains: Vec<String>,
    /// Domains that are registered and not verified.
    pub unverified_domains: Vec<String>,
    /// The largest and usual page; not documented for inboxes [?], 100 for searches [D].
    pub page_size: usize,
    /// What a `client_id` answers after its inbox was deleted; not documented [?].
    pub after_delete: AfterDelete,
}

/// What creating again with the `client_id` of a deleted inbox does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterDelete {
    /// A new inbox.
    Forget,
    /// The answer of old, for an inbox that is gone.
    Replay,
    /// 403 `resource_taken`.
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
