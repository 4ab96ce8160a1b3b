//! Costs of pools, and spending limits of agents.

use agent_pool_core::wire::pool::{Costs, ToolChange};
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::services::UpdatedTool;
use agent_pool_core::{InstanceId, PoolName, ToolId};
use chrono::{Days as Back, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::Deserialize;
use tracing::info;

use super::pools;
use crate::app::App;
use crate::costs::report;
use crate::db::cost_sums::Days;
use crate::db::costs::KEEP_DAYS;
use crate::problem::{from_database, from_services, invalid_field};

/// Default number of days of a report.
const USUAL_DAYS: u64 = 30;

/// The days and the pool of a report.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(crate) struct CostsQuery {
    /// The first day, UTC, such as 2026-11-01; absent: 30 days up to the last one.
    pub(crate) since: Option<NaiveDate>,
    /// The last day, UTC; absent: today.
    pub(crate) until: Option<NaiveDate>,
    /// Only this pool.
    pub(crate) pool: Option<PoolName>,
}

impl CostsQuery {
    fn days(&self) -> Result<Days, Problem> {
        let until = self.until.unwrap_or_else(|| Utc::now().date_naive());
        let usual = until.checked_sub_days(Back::new(USUAL_DAYS - 1));
        let since = self.since.or(usual).unwrap_or(until);
        let count = (until - since).num_days() + 1;
        if (1..=i64::from(KEEP_DAYS)).contains(&count) {
            return Ok(Days { since, until });
        }
        let problem = format!("expected up to {KEEP_DAYS} days before {until}");
        Err(invalid_field("since", problem))
    }
}

/// `GET /api/pool/costs`
pub(crate) async fn costs(query: CostsQuery, app: App) -> Result<Costs, Problem> {
    let report = report(&app, query.days()?, query.pool.as_ref()).await;
    let report = report.map_err(from_database)?;
    // The ledger keeps the costs of deleted pools.
    if let Some(name) = query.pool.filter(|_| report.pools.is_empty()) {
        pools::require(&name, &app).await?;
    }
    Ok(report)
}

/// `PATCH /api/pool/instances/:id/tools/:tool`
pub(crate) async fn change_tool(
    id: InstanceId,
    tool: ToolId,
    change: ToolChange,
    app: App,
) -> Result<UpdatedTool, Problem> {
    let updated = app.services.update_tool(&id, &tool, change.config).await;
    let updated =
        updated.map_err(|error| from_services(&format!("the change of {tool}"), &error))?;
    info!(instance.id = %id, "{tool} of instance {id} is changed");
    Ok(updated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_of_thirty_days_and_of_no_more_than_the_ledger_has() {
        let day = |text: &str| text.parse::<NaiveDate>().ok();
        let query = |since, until| CostsQuery {
            since: day(since),
            until: day(until),
            pool: None,
        };
        let days = query("", "2026-11-30").days().unwrap();
        assert_eq!(Some(days.since), day("2026-11-01"));
        assert!(query("2026-11-30", "2026-11-30").days().is_ok());
        for since in ["2026-12-01", "2025-10-26"] {
            assert!(query(since, "2026-11-30").days().is_err(), "{since}");
        }
    }
}
