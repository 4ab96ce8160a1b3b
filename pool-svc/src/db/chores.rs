//! The chores of a tick besides instances, found by one statement: most ticks have none.

use agent_pool_core::wire::pool::WebhookEvent;
use agent_pool_service_kit::db::DbError;
use diesel::sql_types::{Bool, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::prepared::Prepared;

#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub(crate) struct Chores {
    /// Some resource costs money now, or has cost money that is not in the ledger yet.
    #[diesel(sql_type = Bool)]
    pub(crate) open_costs: bool,
    /// The budget of some pool was reached in an earlier tick; the pool may have been deleted since.
    #[diesel(sql_type = Bool)]
    pub(crate) budget_reached: bool,
    /// Creations have failed, and are not known to succeed again.
    #[diesel(sql_type = Bool)]
    pub(crate) failures: bool,
}

pub(crate) async fn load(conn: &mut AsyncPgConnection) -> Result<Chores, DbError> {
    // sql_query: the schema has no costs.
    let chores = sql_query(
        "SELECT EXISTS (SELECT FROM instance_costs WHERE NOT settled) AS open_costs,
                EXISTS (SELECT FROM webhook_conditions
                        WHERE starts_with(name, $1 || ' ')) AS budget_reached,
                EXISTS (SELECT FROM pool_creation_failures) AS failures",
    )
    .bind::<Text, _>(WebhookEvent::BudgetReached.as_str());
    Ok(Prepared(chores).get_result(conn).await?)
}
