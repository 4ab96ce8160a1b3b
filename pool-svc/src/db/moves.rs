//! The common form of every statement that changes the status of instances: it also writes the lifecycle log, in the
//! same statement, so that no status changes without an entry.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::Status;
use agent_pool_service_kit::auth::Principal;
use agent_pool_service_kit::db::DbError;
use diesel::pg::Pg;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::sql_types::{Nullable, Text};
use diesel::{QueryableByName, sql_query};

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

/// Wraps `change` with its log entries. `change` is guarded by the status `from` (so that of two concurrent moves of a
/// row only one finds it), sets `to`, and returns at least id, name, url, pool and cause of the rows it moved. Both
/// statuses are literals, so that the planner can use partial indexes. `rest` may add parts that read `moved`, and an
/// order.
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
    let Rest {
        by,
        source,
        parts,
        columns,
        order,
    } = rest;
    format!(
        "WITH moved AS ({change}), logged AS (
             INSERT INTO instance_events
                 (instance_id, from_status, to_status, cause, pool, principal, source)
             SELECT id, {from}, {to}, cause, pool, {by} FROM {source})
             {parts}
         SELECT {columns} FROM moved {order}"
    )
}

/// A change on behalf of the principal of this task, which is $1 and $2.
pub(super) fn change<'a>(
    from: Option<Status>,
    to: Option<Status>,
    change: &str,
) -> BoxedSqlQuery<'a, Pg, SqlQuery> {
    change_and(from, to, change, Rest::default())
}

/// The same with further parts.
pub(super) fn change_and<'a>(
    from: Option<Status>,
    to: Option<Status>,
    change: &str,
    rest: Rest<'_>,
) -> BoxedSqlQuery<'a, Pg, SqlQuery> {
    let by = Principal::current();
    let source = by.as_ref().and_then(|by| by.source);
    sql_query(logged(from, to, change, rest))
        .into_boxed()
        .bind::<Nullable<Text>, _>(by.map(|by| by.name))
        .bind::<Nullable<Text>, _>(source.map(|source| source.to_string()))
}

/// Optional parts of a statement besides the change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest<'a> {
    /// Who makes the change and from where.
    pub(super) by: &'a str,
    /// Where the log takes its entries from.
    pub(super) source: &'a str,
    /// Further parts of the `WITH`, each with a comma before it.
    pub(super) parts: &'a str,
    /// What the statement returns.
    pub(super) columns: &'a str,
    pub(super) order: &'a str,
}

impl Default for Rest<'_> {
    fn default() -> Self {
        Self {
            by: "$1, $2",
            source: "moved",
            parts: "",
            columns: "id, name, url",
            order: "",
        }
    }
}

pub(super) fn ids(moved: Vec<Moved>) -> Result<Vec<InstanceId>, DbError> {
    moved.into_iter().map(|row| parse_id(row.id)).collect()
}
