//! Adding and releasing tools of instances: what is needed to know about an instance, and the entries in the log.

use agent_pool_core::wire::pool::{Recipe, Status};
use agent_pool_core::{InstanceId, PoolName, ToolId};
use agent_pool_service_kit::auth::Principal;
use agent_pool_service_kit::db::DbError;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Jsonb, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::json;
use url::Url;

use super::row::{corrupt, parse_pool, parse_status};
use super::schema::instances;
use crate::lifecycle::Cause;

/// The parts of an instance that matter for its tools.
#[derive(Debug, Clone)]
pub(crate) struct Holder {
    pub(crate) pool: PoolName,
    /// Whether it is an agent, or waits to be accepted into its conversation.
    pub(crate) is_agent: bool,
    /// The URL of its runtime, once it is made.
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

/// Gives the starting and idle instances of a pool the claim tools of its recipe. An instance without a tool that the
/// recipe moved to the warm-up still gets it at its claim, and one that has a tool already does not get it again.
pub(crate) async fn update_claim_tools(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
    recipe: &Recipe,
) -> Result<(), DbError> {
    // sql_query: Diesel has no operators of jsonb in an UPDATE from a CTE.
    sql_query(
        "WITH due AS (
             SELECT id, (
                 SELECT coalesce(jsonb_agg(tool ORDER BY tool), '[]') FROM (
                     SELECT * FROM jsonb_array_elements($2) AS now (tool)
                     UNION
                     SELECT * FROM jsonb_array_elements(recipe -> 'claimTools') AS before (tool)
                     WHERE $3 @> before.tool
                 ) AS wanted WHERE NOT coalesce(recipe -> 'tools', '[]') @> tool
             ) AS tools
             FROM instances
             WHERE pool = $1 AND status IN ('starting', 'idle') AND recipe IS NOT NULL
         )
         UPDATE instances SET recipe = jsonb_set(recipe, '{claimTools}', due.tools)
         FROM due
         WHERE instances.id = due.id AND status IN ('starting', 'idle')
               AND recipe -> 'claimTools' IS DISTINCT FROM due.tools",
    )
    .bind::<Text, _>(pool.as_str())
    .bind::<Jsonb, _>(json!(recipe.claim_tools.as_deref().unwrap_or_default()))
    .bind::<Jsonb, _>(json!(recipe.tools.as_deref().unwrap_or_default()))
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes to the lifecycle log that a tool was added to an instance or released. The status does not change.
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
