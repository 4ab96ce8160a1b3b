//! `poolctl costs` and `poolctl limit`.

use agent_pool_core::wire::pool::{Costs as Report, PoolCosts, ToolChange, dollars};
use agent_pool_core::{InstanceId, PoolName, ToolId, ToolOptions};
use chrono::NaiveDate;
use clap::Args;

use crate::connect::Target;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, Table, cell, during, good};

/// Number of instances per pool in the table.
const SHOWN: usize = 10;

/// Show what pools cost
#[derive(Debug, Args)]
pub(crate) struct Costs {
    /// Pool; all pools by default
    #[arg(long, value_name = "NAME")]
    pool: Option<PoolName>,

    /// First day in UTC; by default 29 days before the last
    #[arg(long, value_name = "DAY")]
    since: Option<NaiveDate>,

    /// Last day in UTC; today by default
    #[arg(long, value_name = "DAY")]
    until: Option<NaiveDate>,

    /// Show each day separately
    #[arg(long)]
    days: bool,
}

impl Costs {
    pub(crate) async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        let asked = target
            .pool
            .costs(self.since, self.until, self.pool.as_ref());
        let report = during("asking Pool", asked).await;
        let report = report.map_err(|error| Failure::of_call("show the costs", &error))?;
        out.answer(&report, || summary(&report, self.days))?;
        Ok(Exit::Done)
    }
}

fn summary(report: &Report, days: bool) -> String {
    let Report {
        since,
        until,
        pools,
    } = report;
    if pools.is_empty() {
        return format!(
            "Nothing is charged from {since} to {until}. Prices are settings of Services, such as RAILWAY_PRICE_PER_HOUR"
        );
    }
    let mut parts = vec![format!("{since} to {until}, UTC\n\n{}", overview(pools))];
    if days {
        parts.push(by_day(pools).to_string());
    }
    // Without costs yet, only the overview has rows.
    if pools.iter().any(|costs| !costs.resources.is_empty()) {
        parts.push(by_resource(pools).to_string());
    }
    if pools.iter().any(|costs| !costs.agents.is_empty()) {
        parts.push(by_instance(pools).to_string());
    }
    parts.join("\n\n")
}

fn overview(pools: &[PoolCosts]) -> Table {
    let head = [
        "POOL", "TOTAL", "IDLE", "AGENTS", "FAILED", "BUDGET", "SPENT",
    ];
    let mut table = Table::new(&head).keep(&[0]);
    for costs in pools {
        let spent = costs.spent;
        let budget = costs.budget.as_ref();
        table.row([
            cell(&costs.pool),
            cell(dollars(spent.total_micros())),
            cell(dollars(spent.idle_micros)),
            cell(dollars(spent.agent_micros)),
            cell(dollars(spent.failed_micros)),
            cell(budget.map_or_else(|| "-".to_owned(), |state| state.budget.to_string())),
            cell(budget.map_or_else(|| "-".to_owned(), |state| dollars(state.spent_micros))),
        ]);
    }
    table
}

fn by_day(pools: &[PoolCosts]) -> Table {
    let mut table = Table::new(&["DAY", "POOL", "IDLE", "AGENTS", "FAILED"]).keep(&[0]);
    for costs in pools {
        for day in &costs.days {
            table.row([
                cell(day.day),
                cell(&costs.pool),
                cell(dollars(day.spent.idle_micros)),
                cell(dollars(day.spent.agent_micros)),
                cell(dollars(day.spent.failed_micros)),
            ]);
        }
    }
    table
}

fn by_resource(pools: &[PoolCosts]) -> Table {
    let mut table = Table::new(&["RESOURCE", "POOL", "TIME", "ONCE", "USAGE"]).keep(&[0]);
    for costs in pools {
        for resource in &costs.resources {
            table.row([
                cell(&resource.resource),
                cell(&costs.pool),
                cell(dollars(resource.time_micros)),
                cell(dollars(resource.once_micros)),
                cell(dollars(resource.usage_micros)),
            ]);
        }
    }
    table
}

fn by_instance(pools: &[PoolCosts]) -> Table {
    let mut table = Table::new(&["INSTANCE", "POOL", "AGENT", "TOTAL", "AS AGENT"]).keep(&[0]);
    for costs in pools {
        for one in costs.agents.iter().take(SHOWN) {
            table.row([
                cell(&one.instance_id),
                cell(&costs.pool),
                cell(one.agent_name.as_deref().unwrap_or("-")),
                cell(dollars(one.spent.total_micros())),
                cell(dollars(one.spent.agent_micros)),
            ]);
        }
    }
    table
}

/// Change the spending limit of an agent's tool
#[derive(Debug, Args)]
pub(crate) struct Limit {
    /// Instance id
    id: InstanceId,

    /// New limit, in the unit of the tool: US dollars for OpenRouter
    limit: f64,

    /// Tool
    #[arg(long, value_name = "TOOL", default_value = "openrouter")]
    tool: ToolId,
}

impl Limit {
    pub(crate) async fn run(self, out: Out, target: &Target) -> Result<Exit, Failure> {
        let Self { id, limit, tool } = self;
        let config = ToolOptions::from_iter([("limit".to_owned(), limit.into())]);
        let change = ToolChange { config };
        let asked = target.pool.change_tool(&id, &tool, &change);
        let changed = during("asking Pool", asked).await;
        let changed =
            changed.map_err(|error| Failure::of_call(&format!("change {tool} of {id}"), &error))?;
        out.answer(&changed, || {
            format!("{} the limit of {tool} of {id} is {limit}", good("✓"))
        })?;
        Ok(Exit::Done)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_has_a_row_for_each_pool_day_resource_and_agent() {
        let report: Report = serde_json::from_value(json!({
            "since": "2026-11-01", "until": "2026-11-29",
            "pools": [{
                "pool": "research",
                "spent": { "idleMicros": 2_500_000, "agentMicros": 17_500_000 },
                "budget": { "budget": "$20/day", "spentMicros": 20_030_000, "renewsAt": "2026-11-30T00:00:00Z" },
                "days": [{ "day": "2026-11-28", "spent": { "idleMicros": 2_500_000 } }],
                "resources": [{ "resource": "railway", "timeMicros": 1, "onceMicros": 0, "usageMicros": 0 }],
                "agents": [{ "instanceId": "k3v9x0a1b2c3", "agentName": "Tulip", "spent": { "agentMicros": 17_500_000 } }],
            }],
        }))
        .unwrap();
        let text = summary(&report, true);
        for part in [
            "$20.00",
            "$20/day",
            "$20.03",
            "2026-11-28",
            "railway",
            "Tulip",
            "$17.50",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let nothing = Report {
            pools: Vec::new(),
            ..report
        };
        assert!(summary(&nothing, false).contains("RAILWAY_PRICE_PER_HOUR"));
    }
}
