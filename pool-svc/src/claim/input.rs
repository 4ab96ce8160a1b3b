//! The input of a claim: its body, the key that makes it safe to repeat, and how long it may wait.

use std::fmt;
use std::time::Duration;

use agent_pool_core::wire::pool::ClaimRequest;
use schemars::JsonSchema;
use serde::Deserialize;

/// The input of a claim.
#[derive(Debug, Clone)]
pub(crate) struct ClaimInput {
    pub(crate) request: ClaimRequest,
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) wait: Wait,
}

/// A client's name for one claim: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(extend("pattern" = "^[!-~]{1,255}$"))]
pub(crate) struct IdempotencyKey(String);

impl IdempotencyKey {
    const MAX_CHARS: usize = 255;

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for IdempotencyKey {
    type Error = String;

    fn try_from(key: String) -> Result<Self, String> {
        let sized = (1..=Self::MAX_CHARS).contains(&key.len());
        if sized && key.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(key))
        } else {
            let most = Self::MAX_CHARS;
            Err(format!("expected 1 to {most} visible ASCII characters"))
        }
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How long a claim may wait: 0 to 300 seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "u64")]
#[schemars(extend("maximum" = 300))]
pub(crate) struct Wait(Duration);

impl Wait {
    const MAX_SECONDS: u64 = 300;

    pub(crate) const fn duration(self) -> Duration {
        self.0
    }
}

impl TryFrom<u64> for Wait {
    type Error = String;

    fn try_from(seconds: u64) -> Result<Self, String> {
        if seconds > Self::MAX_SECONDS {
            return Err(format!("expected 0 to {} seconds", Self::MAX_SECONDS));
        }
        Ok(Self(Duration::from_secs(seconds)))
    }
}
