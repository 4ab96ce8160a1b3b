//! `GET /registry`: the providers of this build, their settings and their state.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::settings::SettingSpec;
use crate::{InfraCapabilities, InfraId, Price, ToolCapabilities, ToolId};

/// The answer to `GET /registry`.
///
/// ```
/// # use agent_pool_core::wire::services::RegistryReply;
/// let build: RegistryReply = serde_json::from_str(r#"{"tools": [], "infra": []}"#)?;
/// assert!(build.tools.is_empty(), "a build without providers is one");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegistryReply {
    /// The version of services-svc; empty if it is older than this member.
    #[serde(default)]
    pub version: String,
    /// The tools of this build, in order of id.
    pub tools: Vec<ToolInfo>,
    /// The infras of this build, in order of id.
    pub infra: Vec<InfraInfo>,
}

/// `GET /version`: what services-svc was built from.
///
/// ```
/// # use agent_pool_core::wire::services::Version;
/// let version: Version = serde_json::from_str(r#"{"version": "0.1.0"}"#)?;
/// assert_eq!(version.commit, None, "the build did not record it");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Version {
    /// The version of services-svc.
    pub version: String,
    /// The commit that it was built from, if its build recorded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// One tool of this build.
///
/// ```
/// # use {agent_pool_core::wire::services::ToolInfo, serde_json::json};
/// let unconfigured: ToolInfo = serde_json::from_value(json!({
///     "id": "openrouter", "name": "OpenRouter", "mode": "per-instance-key",
///     "envKeys": ["OPENROUTER_API_KEY"], "configured": false, "settings": [],
///     "faults": ["OPENROUTER_MANAGEMENT_KEY is required"],
/// }))?;
/// assert_eq!(unconfigured.capabilities, None, "known only of what could be built");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolInfo {
    /// The tool's id, as requests name it.
    pub id: ToolId,
    /// The name that people read.
    pub name: String,
    /// What an instance gets, such as `per-instance-key`.
    pub mode: String,
    /// The variables that an instance gets.
    pub env_keys: Vec<String>,
    /// Whether its settings are complete and valid.
    pub configured: bool,
    /// The faults of its settings, one per line; empty if it is configured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// Its optional operations; absent if it is not configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<ToolCapabilities>,
    /// The specs of its settings, without their values.
    pub settings: Vec<SettingSpec>,
    /// Statistics of its calls since this replica started.
    #[serde(default)]
    pub stats: ProviderStats,
    /// The price of one of its resources.
    #[serde(default)]
    pub price: Price,
}

/// One infra of this build.
///
/// ```
/// # use {agent_pool_core::wire::services::InfraInfo, serde_json::json};
/// let infra: InfraInfo = serde_json::from_value(json!({
///     "id": "railway", "name": "Railway", "selected": true, "configured": true,
///     "capabilities": { "logs": true, "updateImage": true, "verify": true }, "settings": [],
/// }))?;
/// assert!(infra.selected && infra.faults.is_empty());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InfraInfo {
    /// The infra's id, as `INFRA_PROVIDER` names it.
    pub id: InfraId,
    /// The name that people read.
    pub name: String,
    /// Whether new instances are created on it.
    pub selected: bool,
    /// Whether its settings are complete and valid.
    pub configured: bool,
    /// The faults of its settings, one per line; empty if it is configured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    /// Its optional operations; absent if it is not configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<InfraCapabilities>,
    /// The specs of its settings, without their values.
    pub settings: Vec<SettingSpec>,
    /// Statistics of its calls since this replica started.
    #[serde(default)]
    pub stats: ProviderStats,
    /// The price of one of its resources.
    #[serde(default)]
    pub price: Price,
}

/// Statistics of a provider's calls since the process started. All attempts of a call count as one.
///
/// ```
/// # use {agent_pool_core::wire::services::ProviderStats, serde_json::json};
/// let failures = json!({ "rate_limited": 1 });
/// let body = json!({ "calls": 9, "failures": failures, "medianMs": 120, "p95Ms": 900 });
/// let stats: ProviderStats = serde_json::from_value(body.clone())?;
/// assert_eq!(stats.failures["rate_limited"], 1);
/// # assert_eq!(serde_json::to_value(&stats)?, body);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderStats {
    /// Number of calls.
    pub calls: u64,
    /// Number of failed calls, by the kind of the error.
    pub failures: BTreeMap<String, u64>,
    /// The newest failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// Median latency of the latest calls, in milliseconds; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_ms: Option<u64>,
    /// 95th percentile of the latency of the latest calls, in milliseconds; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<u64>,
}

/// A provider is slow if its calls take longer than this, in milliseconds: a creation waits for them.
const SLOW_MS: u64 = 10_000;
/// How long a failure counts as recent.
const NEWS: TimeDelta = TimeDelta::minutes(15);

impl ProviderStats {
    /// The health of the provider at `now`: failing for 15 min after a failure, slow while the 95th percentile of the
    /// latest calls exceeds 10 s.
    ///
    /// ```
    /// # use agent_pool_core::wire::services::{ProviderHealth, ProviderStats};
    /// # use chrono::{TimeDelta, Utc};
    /// let stats: ProviderStats = serde_json::from_str(
    ///     r#"{"calls": 9, "failures": {"unavailable": 1}, "p95Ms": 10001,
    ///         "lastError": {"kind": "unavailable", "at": "2026-08-01T00:00:00Z", "message": "down"}}"#,
    /// )?;
    /// let failed = stats.last_error.as_ref().map_or_else(Utc::now, |error| error.at);
    /// assert_eq!(stats.health(failed + TimeDelta::minutes(14)), ProviderHealth::Failing);
    /// assert_eq!(stats.health(failed + TimeDelta::minutes(15)), ProviderHealth::Slow);
    /// assert_eq!(ProviderStats::default().health(failed), ProviderHealth::Well);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[must_use]
    pub fn health(&self, now: DateTime<Utc>) -> ProviderHealth {
        let failing = self.last_error.as_ref();
        if failing.is_some_and(|error| now - error.at < NEWS) {
            ProviderHealth::Failing
        } else if self.p95_ms.is_some_and(|ms| ms > SLOW_MS) {
            ProviderHealth::Slow
        } else {
            ProviderHealth::Well
        }
    }
}

/// The health of a provider, by its latest calls.
///
/// ```
/// # use agent_pool_core::wire::services::{ProviderHealth, ProviderStats};
/// # let now = chrono::Utc::now();
/// let unused = ProviderStats::default();
/// assert_eq!(unused.health(now), ProviderHealth::Well, "no call, no complaint");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderHealth {
    /// Neither slow nor failing.
    Well,
    /// It answers slowly, and creations wait for it.
    Slow,
    /// A call failed recently.
    Failing,
}

/// A failure of a provider, without secrets.
///
/// ```
/// # use agent_pool_core::wire::services::LastError;
/// let body = r#"{"kind":"rate_limited","at":"2026-08-01T00:00:00Z","message":"slow down"}"#;
/// let error: LastError = serde_json::from_str(body)?;
/// assert_eq!(serde_json::to_string(&error)?, body);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastError {
    /// The kind of the error, such as `rate_limited`.
    pub kind: String,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// The message of the provider.
    pub message: String,
}
