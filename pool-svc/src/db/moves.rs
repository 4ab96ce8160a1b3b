//! The form of every statement that changes the status of instances: it writes the lifecycle log too.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::Status;
use agent_pool_service_kit::db::DbError;
use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Text};

use super::row::parse_id;

/// A row that moved.
#[derive(Debug, QueryableByName)]
pub(super) struct Moved {
    #[diesel(sql_type = Text)]
    pub(super) id: String,
    #[diesel(sql_type = Text)]
    pub(super) name: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub(super) url: Option<String>,
}

/// `change` with its log entries. It is guarded by the status `from`, sets `to`, and returns at least id,
/// name, url and cause of what it moved. Both statuses are literals, so that the planner can use partial
/// indexes. `rest` may add parts that read `moved`, and an order.
pub(super) fn logged(
    from: Option<Status>,
    to: Option<Status>,
    change: &str,
    rest: Rest<'_>,
) -> String {
    let literal = |status: Option<Status>| {
        status.map_or_else(
            || "NULL".to_owned(),
            |status| format!("'{}'", status.as_str()),
        )
    };
    let (from, to) = (literal(from), literal(to));
    let Rest { parts, order } = rest;
    format!(
        "WITH moved AS ({change}), logged AS (
             INSERT INTO instance_events (instance_id, from_status, to_status, cause)
             SELECT id, {from}, {to}, cause FROM moved)
             {parts}
         SELECT id, name, url FROM moved {order}"
    )
}

/// What some statements have besides the change.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rest<'a> {
    /// Further parts of the `WITH`, each with a comma before it.
    pub(super) parts: &'a str,
    pub(super) order: &'a str,
}

pub(super) fn ids(moved: Vec<Moved>) -> Result<Vec<InstanceId>, DbError> {
    moved.into_iter().map(|row| parse_id(row.id)).collect()
}
