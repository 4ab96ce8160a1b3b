//! How a pool is sized: what it is sized for, what was decided, and the replay of another policy.

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

/// The text is no share that can be promised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is no hit rate: expected at least 50% and below 100%, such as 99%")]
pub struct ParseHitRateError;

impl HitRate {
    /// The share: within 0.5 and 1.
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

/// What a pool is sized for. In a file its members may be written with `_` too.
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
    /// The share of claims that are to find an idle instance.
    #[serde(alias = "hit_rate")]
    pub hit_rate: HitRate,
    /// The fewest idle instances to keep.
    #[serde(default)]
    pub min: u32,
    /// The most idle instances to keep; absent: the limit of the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// The most that the target rises in a minute.
    #[serde(default, alias = "step_up", skip_serializing_if = "Option::is_none")]
    pub step_up: Option<u32>,
    /// The most that the target falls in a minute.
    #[serde(default, alias = "step_down", skip_serializing_if = "Option::is_none")]
    pub step_down: Option<u32>,
    /// Whose hours and weekdays count, such as `Europe/Berlin`; absent: UTC.
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
    /// How long it lasts.
    pub minutes: u32,
    /// The fewest idle instances to keep.
    pub min: u32,
}

/// The latest decision about a pool that has an objective.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sizing {
    /// How many idle instances it keeps.
    pub target: u32,
    /// How many the demand alone asks for.
    pub wanted: u32,
    /// What decided: `demand`, `min`, `floor`, `max`, `step_up` or `step_down`.
    pub bound: String,
    /// Claims expected in a minute.
    pub claims_per_minute: f64,
    /// Claims in the last 15 minutes.
    pub recent_claims: u32,
    /// Seconds that it takes to warm one, as measured.
    pub lead_seconds: f64,
    /// The variance of the claims in that time over their mean; 1 for Poisson.
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
    /// How many seconds back.
    pub since_seconds: u32,
    /// The objective to try.
    pub objective: Objective,
    /// What an idle hour costs, in any currency.
    #[serde(default)]
    pub cost_per_hour: f64,
}

/// The answer to `POST /api/pool/simulate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Simulation {
    /// Where the replay begins.
    pub from: DateTime<Utc>,
    /// Where it ends.
    pub until: DateTime<Utc>,
    /// Seconds that it takes to warm one, as measured.
    pub lead_seconds: f64,
    /// Under the policy of the pool.
    pub current: SimulatedPolicy,
    /// Under the objective.
    pub objective: SimulatedPolicy,
    /// Under the smallest fixed number that has at least the hit rate of the objective.
    pub best_fixed: SimulatedPolicy,
}

/// What a policy would have led to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SimulatedPolicy {
    /// The policy in words.
    pub policy: String,
    /// Claims.
    pub claims: u32,
    /// Claims that found an idle instance.
    pub hits: u32,
    /// The share of these.
    pub hit_rate: f64,
    /// Claims that waited.
    pub waits: u32,
    /// The mean wait of these, in seconds.
    pub mean_wait_seconds: f64,
    /// The longest wait, in seconds.
    pub longest_wait_seconds: f64,
    /// Hours that instances were idle, summed up.
    pub idle_hours: f64,
    /// What these cost.
    pub cost: f64,
}
