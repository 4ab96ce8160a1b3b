//! How a cloud is started.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::agentmail::AgentMailOptions;
use crate::launcher::{BuiltinRuntime, Launcher};
use crate::openrouter::OpenRouterOptions;
use crate::railway::RailwayOptions;
use crate::telnyx::TelnyxOptions;

/// Everything that can be set before the start.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Of ids and of faults by chance.
    pub seed: u64,
    /// Keep every exchange with its bodies, for contract tests; it grows without bound.
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
    /// Milliseconds always.
    pub base_ms: u64,
    /// Up to so many milliseconds more, by seeded chance.
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
