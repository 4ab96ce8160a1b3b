//! Instances that get tools and give them back: who they are, and the log of it.

use agent_pool_core::wire::pool::Status;
use agent_pool_core::{InstanceId, PoolName, ToolId};
use agent_pool_service_kit::auth::Principal;
use agent_pool_service_kit::db::DbError;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use url::Url;

use super::row::{corrupt, parse_pool, parse_status};
use super::schema::instances;
use crate::lifecycle::Cause;

/// An instance as far as its tools depend on it.
#[derive(Debug, Clone)]
pub(crate) struct Holder {
    pub(crate) pool: PoolName,
    /// Whether it is somebody's agent, or waits to be let into its conversation.
    pub(crate) is_agent: bool,
    /// Where its runtime is, once it is made.
    pub(crate) url: Option<Url>,
    /// The key of its runtime, sealed.
    pub(crate) runtime_key: Option<String>,
}

type Row = (String, bool, String, Option<String>, Option<String>);

/// The instance, if it exists.
pub(crate) async fn find(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
) -> Result<Option<Holder>, DbError> {
    let row: Option<Row> = instances::table
        .find(id.as_str())
        .select((
            instances::status,
            instances::agent_name.is_not_null(),
            instances::pool,
            instances::url,
            instances::runtime_key,
        ))
        .first(conn)
        .await
        .optional()?;
    row.map(|row| parse(id, row)).transpose()
}

fn parse(id: &InstanceId, row: Row) -> Result<Holder, DbError> {
    let (status, named, pool, url, runtime_key) = row;
    let url = url.map(|url| url.parse()).transpose();
    Ok(Holder {
        pool: parse_pool(id.as_str(), &pool)?,
        is_agent: match parse_status(id.as_str(), &status)? {
            Status::Claimed => true,
            Status::Claiming => named,
            Status::Starting | Status::Idle | Status::Crashed | Status::Destroying => false,
        },
        url: url.map_err(|error| corrupt::<url::ParseError>(id.as_str(), error))?,
        runtime_key,
    })
}

/// Notes in the lifecycle log that an instance got a tool or gave it back. It stays in its status.
pub(crate) async fn log(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
    cause: Cause,
    tool: &ToolId,
) -> Result<(), DbError> {
    let by = Principal::current();
    let source = by.as_ref().and_then(|by| by.source);
    // Diesel has no INSERT … SELECT with bound values among the columns.
    sql_query(
        "INSERT INTO instance_events
             (instance_id, from_status, to_status, cause, pool, principal, source, reason)
         SELECT id, status, status, $2, pool, $3, $4, $5 FROM instances WHERE id = $1",
    )
    .bind::<Text, _>(id.as_str())
    .bind::<Text, _>(cause.as_str())
    .bind::<Nullable<Text>, _>(by.map(|by| by.name))
    .bind::<Nullable<Text>, _>(source.map(|source| source.to_string()))
    .bind::<Text, _>(tool.as_str())
    .execute(conn)
    .await?;
    Ok(())
}
