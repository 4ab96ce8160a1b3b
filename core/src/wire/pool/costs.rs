//! Costs of pools: the budget of a policy, and the ledger.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::price::MICROS;
use crate::{InstanceId, PoolName};

/// Formats an amount of money for people: with cents, and with more decimal places below ten cents.
///
/// ```
/// use agent_pool_core::wire::pool::dollars;
///
/// assert_eq!(dollars(20_030_000), "$20.03");
/// assert_eq!(dollars(1_370), "$0.0014");
/// assert_eq!(dollars(0), "$0.00");
/// ```
#[must_use]
pub fn dollars(micros: u64) -> String {
    let (whole, part) = (micros / MICROS, micros % MICROS);
    if whole == 0 && (1..MICROS / 10).contains(&part) {
        return format!("$0.{:04}", (part + 50) / 100);
    }
    let cents = (micros + 5_000) / 10_000;
    format!("${}.{:02}", cents / 100, cents % 100)
}

/// The maximum spending of a pool per day or month, in UTC, such as `$20/day` or `$300/month`.
///
/// ```
/// use agent_pool_core::wire::pool::{Budget, BudgetPeriod};
///
/// let budget: Budget = "$20/day".parse()?;
/// assert_eq!((budget.micros, budget.period), (20_000_000, BudgetPeriod::Day));
/// assert_eq!("$12.50/month".parse::<Budget>()?.to_string(), "$12.50/month");
/// assert!("20".parse::<Budget>().is_err());
/// # Ok::<(), agent_pool_core::wire::pool::ParseBudgetError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = r"^\$[0-9]{1,9}(\.[0-9]{1,6})?/(day|month)$"))]
pub struct Budget {
    /// Millionths of a US dollar.
    pub micros: u64,
    /// The period that it applies to.
    pub period: BudgetPeriod,
}

/// The period of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BudgetPeriod {
    /// From midnight to midnight, UTC.
    Day,
    /// A calendar month, UTC.
    Month,
}

impl BudgetPeriod {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

/// The error of a text that is not a budget.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not a budget: expected US dollars a day or a month, such as $20/day or $300/month")]
pub struct ParseBudgetError;

impl FromStr for Budget {
    type Err = ParseBudgetError;

    fn from_str(text: &str) -> Result<Self, ParseBudgetError> {
        let (amount, period) = text.trim().split_once('/').ok_or(ParseBudgetError)?;
        let period = match period {
            "day" => BudgetPeriod::Day,
            "month" => BudgetPeriod::Month,
            _ => return Err(ParseBudgetError),
        };
        let amount = amount.strip_prefix('$').ok_or(ParseBudgetError)?;
        let micros = parse_micros(amount).ok_or(ParseBudgetError)?;
        Ok(Self { micros, period })
    }
}

/// A decimal number of at most nine digits before the point and six after it.
fn parse_micros(amount: &str) -> Option<u64> {
    let (whole, part) = amount.split_once('.').unwrap_or((amount, "0"));
    let digits = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(whole, 9) || !digits(part, 6) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let part: u64 = format!("{part:0<6}").parse().ok()?;
    Some(whole * MICROS + part)
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.micros / MICROS, self.micros % MICROS);
        write!(f, "${whole}")?;
        if part > 0 {
            let digits = format!("{part:06}");
            let short = digits.trim_end_matches('0');
            write!(f, ".{short:0<2}")?;
        }
        write!(f, "/{}", self.period.as_str())
    }
}

impl TryFrom<String> for Budget {
    type Error = ParseBudgetError;

    fn try_from(text: String) -> Result<Self, ParseBudgetError> {
        text.parse()
    }
}

impl From<Budget> for String {
    fn from(budget: Budget) -> Self {
        budget.to_string()
    }
}

/// Money by purpose, in millionths of a US dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Spent {
    /// On instances before they were claimed: the cost of keeping them warm.
    pub idle_micros: u64,
    /// On agents since their claim.
    pub agent_micros: u64,
    /// On instances that never became idle.
    pub failed_micros: u64,
}

impl Spent {
    /// The sum.
    #[must_use]
    pub const fn total_micros(self) -> u64 {
        self.idle_micros
            .saturating_add(self.agent_micros)
            .saturating_add(self.failed_micros)
    }
}

/// `GET /api/pool/costs`: the costs of pools, as far as the prices of their providers are known.
///
/// ```
/// # use agent_pool_core::wire::pool::Costs;
/// let costs: Costs = serde_json::from_str(
///     r#"{"since": "2026-11-01", "until": "2026-11-29", "pools": [
///         {"pool": "default", "spent": {"idleMicros": 5000000}, "days": [], "agents": []}]}"#,
/// )?;
/// assert_eq!(costs.pools[0].spent.total_micros(), 5_000_000);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Costs {
    /// The first day, UTC.
    pub since: NaiveDate,
    /// The last day, UTC.
    pub until: NaiveDate,
    /// The pools that have cost something or have a budget, by name.
    pub pools: Vec<PoolCosts>,
}

/// The costs of one pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolCosts {
    /// The pool.
    pub pool: PoolName,
    /// What it spent in these days.
    pub spent: Spent,
    /// The state of its budget, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetState>,
    /// Each day on which it spent something, oldest first.
    pub days: Vec<DayCosts>,
    /// What it spent on each kind of resource, the most first.
    #[serde(default)]
    pub resources: Vec<ResourceCosts>,
    /// The instances that cost most in these days, 100 at most.
    pub agents: Vec<AgentCosts>,
}

/// The state of a budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BudgetState {
    /// The budget.
    pub budget: Budget,
    /// What was spent since its day or month began.
    pub spent_micros: u64,
    /// When the next one begins.
    pub renews_at: DateTime<Utc>,
}

/// What was spent on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DayCosts {
    /// The day, UTC.
    pub day: NaiveDate,
    /// What was spent.
    pub spent: Spent,
}

/// What was spent on the resources of one provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceCosts {
    /// The id of the provider.
    pub resource: String,
    /// For the time that they existed, in millionths of a US dollar.
    pub time_micros: u64,
    /// For creating them.
    pub once_micros: u64,
    /// For what was used, as the vendor reports it.
    pub usage_micros: u64,
}

/// The costs of one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentCosts {
    /// The instance.
    pub instance_id: InstanceId,
    /// The name of its agent, while it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_name: Option<String>,
    /// What was spent on it.
    pub spent: Spent,
}

/// `PATCH /api/pool/instances/:id/tools/:tool`: other options for a tool of an instance, such as a higher limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ToolChange {
    /// The options to change, as the provider of the tool documents them; OpenRouter: `limit`, in US dollars.
    pub config: crate::ToolOptions,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_dollars_and_a_period() {
        for (text, micros) in [
            ("$20/day", 20_000_000),
            ("$0.000001/day", 1),
            ("$999999999/month", 999_999_999_000_000),
        ] {
            let budget: Budget = text.parse().unwrap();
            assert_eq!((budget.micros, budget.to_string().as_str()), (micros, text));
        }
        for bad in [
            "20/day",
            "$/day",
            "$-1/day",
            "$1/week",
            "$1",
            "$1./day",
            "$1.0000001/day",
            "$1e3/day",
            "",
        ] {
            assert!(bad.parse::<Budget>().is_err(), "{bad}");
        }
    }

    #[test]
    fn money_is_shown_with_as_many_places_as_it_needs() {
        for (micros, text) in [
            (99_999, "$0.1000"),
            (100_000, "$0.10"),
            (999_999, "$1.00"),
            (1_234_567, "$1.23"),
        ] {
            assert_eq!(dollars(micros), text);
        }
    }
}
