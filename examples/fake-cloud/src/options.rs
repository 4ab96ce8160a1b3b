//! The options of a cloud.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::agentmail::AgentMailOptions;
use crate::launcher::{BuiltinRuntime, Launcher};
use crate::openrouter::OpenRouterOptions;
use crate::railway::RailwayOptions;
use crate::telnyx::TelnyxOptions;

/// The options of a cloud, set before it starts.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 picks a free one.
    pub port: u16,
    /// The seed of IDs and of random faults.
    pub seed: u64,
    /// Record every exchange with its bodies, for contract tests. The record grows without limit.
    pub record: bool,
    /// Delay of every answer.
    pub latency: Latency,
    /// What runs in Railway's containers.
    pub launcher: Arc<dyn Launcher>,
    /// Railway's.
    pub railway: RailwayOptions,
    /// OpenRouter's.
    pub openrouter: OpenRouterOptions,
    /// AgentMail's.
    pub agentmail: AgentMailOptions,
    /// Telnyx's.
    pub telnyx: TelnyxOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            seed: 1,
            record: false,
            latency: Latency::default(),
            launcher: Arc::new(BuiltinRuntime),
            railway: RailwayOptions::default(),
            openrouter: OpenRouterOptions::default(),
            agentmail: AgentMailOptions::default(),
            telnyx: TelnyxOptions::default(),
        }
    }
}

/// A delay before every answer of a vendor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// The fixed part, in milliseconds.
    pub base_ms: u64,
    /// The maximum of the random part, in milliseconds.
    pub jitter_ms: u64,
}

impl Latency {
    pub(crate) const fn base(self) -> Duration {
        Duration::from_millis(self.base_ms)
    }

    pub(crate) const fn jitter(self) -> Duration {
        Duration::from_millis(self.jitter_ms)
    }
}
