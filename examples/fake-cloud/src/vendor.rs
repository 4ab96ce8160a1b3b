//! The vendors that this cloud imitates.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One vendor. Its name is the first segment of its paths here, and its ID in the admin API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Vendor {
    /// Railway, infrastructure over GraphQL.
    Railway,
    /// OpenRouter, LLM keys.
    OpenRouter,
    /// AgentMail, mailboxes.
    AgentMail,
    /// Telnyx, phone numbers.
    Telnyx,
}

impl Vendor {
    /// Every vendor.
    pub const ALL: [Self; 4] = [
        Self::Railway,
        Self::OpenRouter,
        Self::AgentMail,
        Self::Telnyx,
    ];

    /// The name of this vendor in paths and in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Railway => "railway",
            Self::OpenRouter => "openrouter",
            Self::AgentMail => "agentmail",
            Self::Telnyx => "telnyx",
        }
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The text is not the name of a vendor of this cloud.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such vendor: {0}")]
pub struct UnknownVendor(String);

impl FromStr for Vendor {
    type Err = UnknownVendor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|vendor| vendor.word() == text)
            .ok_or_else(|| UnknownVendor(text.to_owned()))
    }
}
