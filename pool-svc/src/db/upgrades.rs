//! Table `upgrades`: requests to upgrade claimed instances to the recipe of their pool. Times are the database's.
//!
//! They use `sql_query`, because Diesel has no UPDATE by a locking subquery.

use std::collections::HashMap;
use std::time::Duration;

use agent_pool_core::wire::pool::{Upgrade, UpgradeState};
use agent_pool_core::{InstanceId, PoolName, RecipeHash};
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::result::OptionalExtension;
use diesel::sql_types::{Array, BigInt, Double, Integer, Nullable, Text, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::row::{IdRow, parse_id};

/// The claimed instances of a pool that were made from another or an unknown recipe.
pub(crate) async fn load_outdated(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
    recipe: &RecipeHash,
) -> Result<Vec<InstanceId>, DbError> {
    let rows: Vec<IdRow> = sql_query(
        "SELECT id FROM instances
         WHERE pool = $1 AND status = 'claimed' AND made_from IS DISTINCT FROM $2
         ORDER BY claimed_at, id",
    )
    .bind::<Text, _>(pool.as_str())
    .bind::<Text, _>(recipe.as_str())
    .load(conn)
    .await?;
    rows.into_iter().map(|row| parse_id(row.id)).collect()
}

/// Stores a request to upgrade `instances`, `batch` at a time. Instances with an upgrade in progress are left out.
/// Returns the others.
pub(crate) async fn insert(
    conn: &mut AsyncPgConnection,
    instances: &[InstanceId],
    batch: u16,
    by: Option<&str>,
) -> Result<Vec<InstanceId>, DbError> {
    let ids: Vec<&str> = instances.iter().map(InstanceId::as_str).collect();
    let rows: Vec<IdRow> = sql_query(
        "INSERT INTO upgrades (request, instance_id, batch, state, requested_by)
         SELECT request.id, one.id, $2, 'waiting', $3
         FROM (SELECT gen_random_uuid()::text AS id) AS request,
              unnest($1) WITH ORDINALITY AS one (id, number)
         ORDER BY one.number
         ON CONFLICT (instance_id) WHERE state IN ('waiting', 'running') DO NOTHING
         RETURNING instance_id AS id",
    )
    .bind::<Array<Text>, _>(ids)
    .bind::<Integer, _>(i32::from(batch))
    .bind::<Nullable<Text>, _>(by)
    .load(conn)
    .await?;
    rows.into_iter().map(|row| parse_id(row.id)).collect()
}

/// An upgrade that this replica works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TakenUpgrade {
    pub(crate) id: i64,
    pub(crate) instance: InstanceId,
}

#[derive(Debug, QueryableByName)]
struct TakenRow {
    #[diesel(sql_type = BigInt)]
    upgrade: i64,
    #[diesel(sql_type = Text)]
    id: String,
}

/// Takes the next upgrade: one whose replica died, or a waiting one whose batch has room. Call it in a transaction, in
/// which one replica at a time counts the running ones.
pub(crate) async fn take(
    conn: &mut AsyncPgConnection,
    lease: Duration,
) -> Result<Option<TakenUpgrade>, DbError> {
    // The number is arbitrary, and this service's own.
    sql_query("SELECT pg_advisory_xact_lock(4216750312)")
        .execute(conn)
        .await?;
    let row: Option<TakenRow> = sql_query(
        "UPDATE upgrades SET state = 'running', lease_expires_at = now() + make_interval(secs => $1)
         WHERE id = (
             SELECT next.id FROM upgrades AS next
             WHERE next.state = 'running' AND next.lease_expires_at <= now()
                OR next.state = 'waiting' AND next.batch > (
                    SELECT count(*) FROM upgrades AS other
                    WHERE other.request = next.request AND other.state = 'running')
             ORDER BY next.id LIMIT 1)
         RETURNING id AS upgrade, instance_id AS id",
    )
    .bind::<Double, _>(lease.as_secs_f64())
    .get_result(conn)
    .await
    .optional()?;
    let taken = |row: TakenRow| {
        Ok(TakenUpgrade {
            id: row.upgrade,
            instance: parse_id(row.id)?,
        })
    };
    row.map(taken).transpose()
}

/// Renews the lease of an upgrade.
pub(crate) async fn renew(
    conn: &mut AsyncPgConnection,
    id: i64,
    lease: Duration,
) -> Result<(), DbError> {
    sql_query(
        "UPDATE upgrades SET lease_expires_at = now() + make_interval(secs => $2)
         WHERE id = $1 AND state = 'running'",
    )
    .bind::<BigInt, _>(id)
    .bind::<Double, _>(lease.as_secs_f64())
    .execute(conn)
    .await?;
    Ok(())
}

/// Releases an upgrade at shutdown, so that another replica continues it at once.
pub(crate) async fn release(conn: &mut AsyncPgConnection, id: i64) -> Result<(), DbError> {
    sql_query("UPDATE upgrades SET lease_expires_at = now() WHERE id = $1 AND state = 'running'")
        .bind::<BigInt, _>(id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Records that an upgrade is done.
pub(crate) async fn end(conn: &mut AsyncPgConnection, id: i64) -> Result<(), DbError> {
    sql_query(
        "UPDATE upgrades SET state = 'done', lease_expires_at = NULL, ended_at = now()
         WHERE id = $1 AND state = 'running'",
    )
    .bind::<BigInt, _>(id)
    .execute(conn)
    .await?;
    Ok(())
}

/// Records that an upgrade failed, and stops the waiting ones of the same request.
pub(crate) async fn fail(
    conn: &mut AsyncPgConnection,
    upgrade: &TakenUpgrade,
    error: &str,
) -> Result<(), DbError> {
    sql_query(
        "UPDATE upgrades
         SET state = CASE WHEN id = $1 THEN 'failed' ELSE 'stopped' END,
             error = CASE WHEN id = $1 THEN $2 ELSE $3 END,
             lease_expires_at = NULL, ended_at = now()
         WHERE id = $1 AND state = 'running'
            OR state = 'waiting' AND request = (SELECT request FROM upgrades WHERE id = $1)",
    )
    .bind::<BigInt, _>(upgrade.id)
    .bind::<Text, _>(error)
    .bind::<Text, _>(format!(
        "the upgrade of {} failed before it",
        upgrade.instance
    ))
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(Debug, QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    instance_id: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    error: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    requested_by: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    requested_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    ended_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Upgrade {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let mut states = UpgradeState::ALL.into_iter();
        let state = states.find(|state| state.as_str() == row.state);
        Ok(Self {
            state: state.ok_or_else(|| DbError::CorruptRow {
                table: "upgrades",
                key: row.instance_id,
                problem: format!("unknown state {:?}", row.state),
            })?,
            error: row.error,
            requested_by: row.requested_by,
            requested_at: row.requested_at,
            ended_at: row.ended_at,
        })
    }
}

/// The latest upgrade of an instance, if it had one.
pub(crate) async fn find_latest(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
) -> Result<Option<Upgrade>, DbError> {
    let row: Option<Row> = sql_query(
        "SELECT instance_id, state, error, requested_by, requested_at, ended_at
         FROM upgrades WHERE instance_id = $1 ORDER BY id DESC LIMIT 1",
    )
    .bind::<Text, _>(id.as_str())
    .get_result(conn)
    .await
    .optional()?;
    row.map(Upgrade::try_from).transpose()
}

/// The latest upgrade of each existing instance.
pub(crate) async fn load_latest(
    conn: &mut AsyncPgConnection,
) -> Result<HashMap<String, Upgrade>, DbError> {
    let rows: Vec<Row> = sql_query(
        "SELECT DISTINCT ON (instance_id) instance_id, state, error, requested_by, requested_at, ended_at
         FROM upgrades WHERE instance_id IN (SELECT id FROM instances)
         ORDER BY instance_id, id DESC",
    )
    .load(conn)
    .await?;
    let upgrade = |row: Row| Ok((row.instance_id.clone(), Upgrade::try_from(row)?));
    rows.into_iter().map(upgrade).collect()
}

/// Deletes upgrades that ended more than `days` ago.
pub(crate) async fn prune(conn: &mut AsyncPgConnection, days: u16) -> Result<(), DbError> {
    sql_query("DELETE FROM upgrades WHERE ended_at < now() - make_interval(days => $1)")
        .bind::<Integer, _>(i32::from(days))
        .execute(conn)
        .await?;
    Ok(())
}
