//! `poolctl pools set`, `pause`, `resume` and `delete`.

use std::str::FromStr;

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::PoolView;
use clap::Args;
use serde_json::{Map, Value, json};

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Yes, count_of, during, good};

/// A number, or the default of the settings.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Settings,
    Given(u32),
}

impl FromStr for Number {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "default" {
            return Ok(Self::Settings);
        }
        let number = text.parse().map(Self::Given);
        number.map_err(|_| "expected a number, or `default`".to_owned())
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Self {
        match number {
            Number::Settings => Self::Null,
            Number::Given(number) => number.into(),
        }
    }
}

/// Changes of a policy
#[derive(Debug, Args)]
pub(super) struct PolicyChange {
    /// Number of idle instances to keep; `default` follows the settings
    #[arg(long, value_name = "N")]
    min_idle: Option<Number>,
    /// Maximum number of instances; `default` follows the settings
    #[arg(long, value_name = "N")]
    max_total: Option<Number>,
    /// Maximum number of starting instances; `default`: no limit
    #[arg(long, value_name = "N")]
    max_starting: Option<Number>,
    /// Consecutive failures with the same cause after which creations stop; `default`: 10
    #[arg(long, value_name = "N")]
    max_failures: Option<Number>,
    /// Replace idle instances after this many seconds; `default`: never
    #[arg(long, value_name = "SECONDS")]
    max_idle: Option<Number>,
    /// End agents this many seconds after their claim; `default`: never
    #[arg(long, value_name = "SECONDS")]
    ttl: Option<Number>,
    /// End agents after this many seconds without activity; `default`: never
    #[arg(long, value_name = "SECONDS")]
    idle_timeout: Option<Number>,
    /// Warn this many seconds before an agent is ended; `default`: 600
    #[arg(long, value_name = "SECONDS")]
    warning: Option<Number>,
    /// What the pool and its agents may cost, such as $20/day or $300/month; `default`: no budget
    #[arg(long, value_name = "BUDGET")]
    budget: Option<String>,
}

impl PolicyChange {
    /// The given members.
    fn members(self) -> Map<String, Value> {
        let all = [
            ("minIdle", self.min_idle),
            ("maxTotal", self.max_total),
            ("maxStarting", self.max_starting),
            ("maxFailures", self.max_failures),
            ("maxIdleSeconds", self.max_idle),
            ("ttlSeconds", self.ttl),
            ("idleTimeoutSeconds", self.idle_timeout),
            ("warningSeconds", self.warning),
        ];
        let given = all.into_iter();
        let numbers =
            given.filter_map(|(member, number)| Some((member.to_owned(), number?.into())));
        let budget = self.budget.map(|budget| match budget.as_str() {
            "default" => Value::Null,
            _ => budget.into(),
        });
        let budget = budget.map(|budget| ("budget".to_owned(), budget));
        numbers.chain(budget).collect()
    }
}

pub(super) async fn set(
    name: &PoolName,
    change: PolicyChange,
    out: Out,
    target: &Target,
) -> Result<Exit, Failure> {
    let policy = change.members();
    if policy.is_empty() {
        return Err(Failure::usage(
            "nothing to set: see `poolctl pools set --help`",
        ));
    }
    patch(name, &json!({ "policy": policy }), out, target).await
}

pub(super) async fn pause(
    name: &PoolName,
    paused: bool,
    out: Out,
    target: &Target,
) -> Result<Exit, Failure> {
    patch(
        name,
        &json!({ "policy": { "paused": paused } }),
        out,
        target,
    )
    .await
}

async fn patch(name: &PoolName, patch: &Value, out: Out, target: &Target) -> Result<Exit, Failure> {
    let pool = during("asking Pool", target.pool.patch_pool(name, patch)).await;
    let pool = pool.map_err(|error| Failure::of_call(&format!("change pool {name}"), &error))?;
    out.answer(&pool, || summary(&pool))?;
    Ok(Exit::Done)
}

fn summary(pool: &PoolView) -> String {
    let PoolView {
        name,
        target,
        max_total,
        version,
        ..
    } = pool;
    let hold = pool.hold.as_ref();
    let hold = hold.map_or_else(String::new, |hold| format!(", {}", hold.cause.as_str()));
    format!(
        "{} pool {name}: target {target}, limit {max_total}{hold} (version {version})",
        good("✓")
    )
}

pub(super) async fn delete(
    name: &PoolName,
    move_to: Option<&PoolName>,
    yes: Yes,
    out: Out,
    target: &Target,
) -> Result<Exit, Failure> {
    yes.or_ask(&format!(
        "Delete pool {name} and destroy its idle instances?"
    ))?;
    let deleted = during("asking Pool", target.pool.delete_pool(name, move_to)).await;
    let deleted =
        deleted.map_err(|error| Failure::of_call(&format!("delete pool {name}"), &error))?;
    out.answer(&deleted, || {
        let destroyed = count_of(deleted.destroying.len(), "instance");
        let moved = deleted.moved;
        format!(
            "{} pool {name} deleted; {destroyed} being destroyed, {moved} moved",
            good("✓")
        )
    })?;
    Ok(Exit::Done)
}
