//! The leases of instances: which rows a replica is working on, and until when. Times are the database's, so that
//! replicas agree.
//!
//! While a row has a lease that has not expired, no other replica calls Services for it. The replica renews its leases
//! while it works; an expired lease means that the replica died. These statements never write `status`.

use std::time::Duration;

use agent_pool_core::wire::pool::Status;
use agent_pool_core::{InstanceId, RecipeHash, ToolId};
use agent_pool_service_kit::db::{DbError, after};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, Bool, Double, Int8, Jsonb, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use url::Url;

use super::instances::NewInstance;
use super::prepared::Prepared;
use super::row::{parse_id, parse_recipe};
use super::schema::instances;

/// Serialises the transactions that count instances in order to add some.
pub(crate) async fn lock_count(conn: &mut AsyncPgConnection) -> Result<(), DbError> {
    // Diesel has no advisory locks. The number is arbitrary, and this service's own.
    sql_query("SELECT pg_advisory_xact_lock(4216750311)")
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether the work on a row may continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    Yes,
    /// The instance was condemned, or its row was deleted.
    No,
}

impl From<usize> for Held {
    fn from(rows: usize) -> Self {
        if rows == 0 { Self::No } else { Self::Yes }
    }
}

/// Begins the creation of an instance with these tools, unless it was condemned.
pub(crate) async fn begin_creation(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
    tools: &[ToolId],
    lease: Duration,
) -> Result<Held, DbError> {
    let tools: Vec<&str> = tools.iter().map(ToolId::as_str).collect();
    let rows = diesel::update(instances::table.find(id.as_str()))
        .filter(instances::status.eq(Status::Starting.as_str()))
        .filter(instances::url.is_null())
        .set((
            instances::lease_expires_at.eq(after!(lease).nullable()),
            instances::tools.eq(tools),
        ))
        .execute(conn)
        .await?;
    Ok(rows.into())
}

/// Ends the creation of an instance: from now on its health checks decide.
pub(crate) async fn end_creation(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
    url: &Url,
    runtime_key: Option<&str>,
    made_from: Option<&RecipeHash>,
) -> Result<Held, DbError> {
    // sql_query: `made_from` is not in the Diesel schema.
    let rows = sql_query(
        "UPDATE instances
         SET url = $2, runtime_key = $3, made_from = $4, lease_expires_at = NULL, made_at = now()
         WHERE id = $1 AND status = 'starting'",
    )
    .bind::<Text, _>(id.as_str())
    .bind::<Text, _>(url.as_str())
    .bind::<Nullable<Text>, _>(runtime_key)
    .bind::<Nullable<Text>, _>(made_from.map(RecipeHash::as_str))
    .execute(conn)
    .await?;
    Ok(rows.into())
}

/// Which rows a destruction may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pending {
    /// Rows without a recent failed attempt.
    Fresh,
    /// All rows, including those with a failed attempt.
    All,
}

/// An instance that is to be destroyed, taken by this replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condemned {
    pub(crate) id: InstanceId,
    /// Whether it was an agent, whose usage is then read a last time.
    pub(crate) was_claimed: bool,
}

#[derive(Debug, QueryableByName)]
struct CondemnedRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Bool)]
    was_claimed: bool,
}

impl TryFrom<CondemnedRow> for Condemned {
    type Error = DbError;

    fn try_from(row: CondemnedRow) -> Result<Self, DbError> {
        Ok(Self {
            id: parse_id(row.id)?,
            was_claimed: row.was_claimed,
        })
    }
}

/// Takes up to `limit` instances that are to be destroyed and that no task works on. Those with a failed attempt come
/// last.
pub(crate) async fn take_destroying(
    conn: &mut AsyncPgConnection,
    pending: Pending,
    limit: usize,
    lease: Duration,
) -> Result<Vec<Condemned>, DbError> {
    // sql_query: Diesel has no UPDATE by a locking subquery.
    let rows = Prepared(
        sql_query(
            "UPDATE instances SET lease_expires_at = now() + make_interval(secs => $1)
             WHERE id = ANY (ARRAY (
                 SELECT id FROM instances
                 WHERE status = 'destroying' AND coalesce(lease_expires_at <= now(), true)
                   AND ($2 OR destroy_failed_at IS NULL)
                 ORDER BY destroy_failed_at NULLS FIRST LIMIT $3 FOR UPDATE SKIP LOCKED))
             RETURNING id, claimed_at IS NOT NULL AS was_claimed",
        )
        .bind::<Double, _>(lease.as_secs_f64())
        .bind::<Bool, _>(pending == Pending::All)
        .bind::<Int8, _>(i64::try_from(limit).unwrap_or(i64::MAX)),
    )
    .load::<CondemnedRow>(conn)
    .await?;
    rows.into_iter().map(Condemned::try_from).collect()
}

/// Ends the lease of an instance that is to be destroyed, so that any replica may take it.
pub(crate) async fn release_destroying(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
) -> Result<(), DbError> {
    diesel::update(instances::table.find(id.as_str()))
        .filter(instances::status.eq(Status::Destroying.as_str()))
        .set(instances::lease_expires_at.eq(now))
        .execute(conn)
        .await?;
    Ok(())
}

/// The same after a failed attempt: the next tick tries again.
pub(crate) async fn release_failed(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
) -> Result<(), DbError> {
    // sql_query: Diesel tables of more than 16 columns cost every build, and only this writes the last one.
    sql_query(
        "UPDATE instances SET lease_expires_at = now(), destroy_failed_at = now()
         WHERE id = $1 AND status = 'destroying'",
    )
    .bind::<Text, _>(id.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(Debug, QueryableByName)]
struct ExpiredRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Jsonb>)]
    recipe: Option<Value>,
}

/// Takes over the creations whose lease has expired: their replica is dead. Those of `held` are creations
/// of this replica, whose leases were only not renewed in time.
pub(crate) async fn take_expired_creations(
    conn: &mut AsyncPgConnection,
    held: &[InstanceId],
    lease: Duration,
) -> Result<Vec<NewInstance>, DbError> {
    // sql_query: Diesel has no UPDATE by a locking subquery.
    let rows: Vec<ExpiredRow> = sql_query(
        "UPDATE instances SET lease_expires_at = now() + make_interval(secs => $1)
         WHERE id = ANY (ARRAY (
             SELECT id FROM instances
             WHERE status = 'starting' AND lease_expires_at <= now() AND id <> ALL ($2)
             FOR UPDATE SKIP LOCKED))
         RETURNING id, name, recipe",
    )
    .bind::<Double, _>(lease.as_secs_f64())
    .bind::<Array<Text>, _>(held.iter().map(InstanceId::as_str).collect::<Vec<_>>())
    .load(conn)
    .await?;
    let new = |row: ExpiredRow| {
        Ok(NewInstance {
            recipe: parse_recipe(&row.id, row.recipe)?,
            id: parse_id(row.id)?,
            name: row.name,
        })
    };
    rows.into_iter().map(new).collect()
}

/// Renews the leases of the instances that this replica works on.
pub(crate) async fn renew(
    conn: &mut AsyncPgConnection,
    held: &[InstanceId],
    lease: Duration,
) -> Result<(), DbError> {
    let held: Vec<&str> = held.iter().map(InstanceId::as_str).collect();
    // A row without a lease has none to renew: its task has just ended.
    diesel::update(instances::table)
        .filter(instances::id.eq_any(held))
        .filter(instances::lease_expires_at.is_not_null())
        // The lease of an instance that waits to be accepted into a conversation is its deadline: renewing it would let
        // it wait for ever.
        .filter(
            instances::status
                .ne(Status::Claiming.as_str())
                .or(instances::agent_name.is_null()),
        )
        .set(instances::lease_expires_at.eq(after!(lease).nullable()))
        .execute(conn)
        .await?;
    Ok(())
}
