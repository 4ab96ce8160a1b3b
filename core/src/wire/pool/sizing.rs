//! The sizing of a pool: its objective, the decision, and the replay of another policy.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A share of claims, such as `99%` or `99.5%`.
///
/// ```
/// use agent_pool_core::wire::pool::HitRate;
/// let rate: HitRate = "99.5%".parse()?;
/// assert_eq!((rate.share(), rate.to_string()), (0.995, "99.5%".to_owned()));
/// assert_eq!("0.995".parse(), Ok(rate));
/// assert!("100%".parse::<HitRate>().is_err());
/// # Ok::<(), agent_pool_core::wire::pool::ParseHitRateError>(())
/// ```
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = r"^(?:[5-9][0-9](?:\.[0-9]{1,4})?%|0\.[5-9][0-9]{0,5})$"))]
pub struct HitRate {
    /// In ten-thousandths of a percent.
    millionths: u32,
}

/// The error of a text that is not a valid hit rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a hit rate: expected at least 50% and below 100%, such as 99%")]
pub struct ParseHitRateError;

impl HitRate {
    /// The share, between 0.5 and 1.
    #[must_use]
    pub fn share(self) -> f64 {
        f64::from(self.millionths) / 1e6
    }
}

impl FromStr for HitRate {
    type Err = ParseHitRateError;

    fn from_str(text: &str) -> Result<Self, ParseHitRateError> {
        let text = text.trim();
        let (number, scale) = match text.strip_suffix('%') {
            Some(percent) => (percent.trim_end(), 1e4),
            None => (text, 1e6),
        };
        let number: f64 = number.parse().map_err(|_| ParseHitRateError)?;
        let millionths = (number * scale).round();
        if !(500_000.0..1_000_000.0).contains(&millionths) {
            return Err(ParseHitRateError);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is a whole number below a million"
        )]
        let millionths = millionths as u32;
        Ok(Self { millionths })
    }
}

impl fmt::Display for HitRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.millionths) / 1e4)
    }
}

impl TryFrom<String> for HitRate {
    type Error = ParseHitRateError;

    fn try_from(text: String) -> Result<Self, ParseHitRateError> {
        text.parse()
    }
}

impl From<HitRate> for String {
    fn from(rate: HitRate) -> Self {
        rate.to_string()
    }
}

/// The sizing objective of a pool. In a file, members may also be written with `_`.
///
/// ```
/// use agent_pool_core::wire::pool::Objective;
/// let objective: Objective = serde_json::from_str(r#"{
///     "hitRate": "99%", "max": 30, "floors": [{"from": "0 9 * * MON-FRI", "minutes": 540, "min": 10}]
/// }"#)?;
/// assert_eq!((objective.min, objective.max), (0, Some(30)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Objective {
    /// The share of claims that should find an idle instance.
    #[serde(alias = "hit_rate")]
    pub hit_rate: HitRate,
    /// Minimum number of idle instances to keep.
    #[serde(default)]
    pub min: u32,
    /// Maximum number of idle instances to keep; absent: the limit of the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// Maximum increase of the target per minute.
    #[serde(default, alias = "step_up", skip_serializing_if = "Option::is_none")]
    pub step_up: Option<u32>,
    /// Maximum decrease of the target per minute.
    #[serde(default, alias = "step_down", skip_serializing_if = "Option::is_none")]
    pub step_down: Option<u32>,
    /// The time zone of hours and weekdays, such as `Europe/Berlin`; absent: UTC.
    #[serde(default, alias = "time_zone", skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Times at which the minimum is higher.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub floors: Vec<ObjectiveFloor>,
}

/// A time at which the minimum is higher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectiveFloor {
    /// When it begins: a cron expression, in the time zone of the objective.
    pub from: String,
    /// How long it lasts: 1 minute or more.
    pub minutes: u32,
    /// Minimum number of idle instances to keep; no more than the maximum of the objective.
    pub min: u32,
}

/// The latest decision about a pool that has an objective.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sizing {
    /// Number of idle instances to keep.
    pub target: u32,
    /// Number of idle instances that demand alone requires.
    pub wanted: u32,
    /// The deciding bound: `demand`, `min`, `floor`, `max`, `step_up` or `step_down`.
    pub bound: String,
    /// Expected claims per minute.
    pub claims_per_minute: f64,
    /// Number of claims in the last 15 minutes.
    pub recent_claims: u32,
    /// Measured time to warm up an instance, in seconds.
    pub lead_seconds: f64,
    /// The variance of the number of claims in that time divided by its mean; 1 for Poisson.
    pub dispersion: f64,
    /// The decision in a sentence.
    pub reason: String,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
}

/// `POST /api/pool/simulate`: replay the log under another policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SimulationRequest {
    /// The pool whose claims are replayed; absent: `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Length of the replayed log, in seconds before now.
    pub since_seconds: u32,
    /// The objective to try.
    pub objective: Objective,
    /// Cost of an idle hour, in any currency.
    #[serde(default)]
    pub cost_per_hour: f64,
}

/// The answer to `POST /api/pool/simulate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Simulation {
    /// Start of the replay.
    pub from: DateTime<Utc>,
    /// End of the replay.
    pub until: DateTime<Utc>,
    /// Measured time to warm up an instance, in seconds.
    pub lead_seconds: f64,
    /// The result under the policy of the pool.
    pub current: SimulatedPolicy,
    /// The result under the objective.
    pub objective: SimulatedPolicy,
    /// The result under the smallest fixed number that has at least the hit rate of the objective.
    pub best_fixed: SimulatedPolicy,
}

/// The simulated result of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SimulatedPolicy {
    /// The policy in words.
    pub policy: String,
    /// Number of claims.
    pub claims: u32,
    /// Number of claims that found an idle instance.
    pub hits: u32,
    /// The share of claims that found an idle instance.
    pub hit_rate: f64,
    /// Number of claims that waited.
    pub waits: u32,
    /// The mean wait of claims that waited, in seconds.
    pub mean_wait_seconds: f64,
    /// The longest wait, in seconds.
    pub longest_wait_seconds: f64,
    /// Total idle time of instances, in hours.
    pub idle_hours: f64,
    /// The cost of the idle hours.
    pub cost: f64,
}
