//! Tables `pools` and `pool_versions`: the declared pools and their earlier versions.

use std::collections::BTreeMap;

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::{PoolSpec, PoolVersion};
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Integer, Jsonb, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::cost_sums::{self, Spending};
use super::schema::{pool_versions, pools};
use super::sizings;
use crate::pools::Definition;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = pools)]
struct Row {
    name: String,
    recipe: Value,
    policy: Value,
    version: i32,
    changed_by: Option<String>,
    changed_at: DateTime<Utc>,
}

impl TryFrom<Row> for Definition {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let name = row.name.parse();
        Ok(Self {
            name: name.map_err(|error| corrupt(&row.name, error))?,
            spec: PoolSpec {
                recipe: parse(&row.name, row.recipe)?,
                policy: parse(&row.name, row.policy)?,
            },
            version: row.version.unsigned_abs(),
            changed_by: row.changed_by,
            changed_at: Some(row.changed_at),
            sizing: None,
            spending: Spending::default(),
        })
    }
}

fn corrupt(name: &str, problem: impl std::fmt::Display) -> DbError {
    DbError::CorruptRow {
        table: "pools",
        key: name.to_owned(),
        problem: problem.to_string(),
    }
}

fn parse<T: DeserializeOwned>(name: &str, stored: Value) -> Result<T, DbError> {
    serde_json::from_value(stored).map_err(|error| corrupt(name, error))
}

fn json(wire: &impl Serialize) -> Value {
    serde_json::to_value(wire).expect("a wire type is a JSON object")
}

/// Every pool, the pool `default` first, even if it has no row.
pub(crate) async fn load(conn: &mut AsyncPgConnection) -> Result<Vec<Definition>, DbError> {
    let rows: Vec<Row> = pools::table
        .order((pools::name.eq(PoolName::DEFAULT).desc(), pools::name))
        .select(Row::as_select())
        .load(conn)
        .await?;
    let mut all: Vec<Definition> = rows
        .into_iter()
        .map(Definition::try_from)
        .collect::<Result<_, _>>()?;
    if !all.iter().any(|pool| pool.name.is_default()) {
        all.insert(0, Definition::of_settings());
    }
    let sized = |pool: &Definition| pool.spec.policy.objective.is_some();
    if all.iter().any(sized) {
        let mut decisions = sizings::load_latest(conn).await?;
        for pool in all.iter_mut().filter(|pool| sized(pool)) {
            pool.sizing = decisions.remove(pool.name.as_str());
        }
    }
    fill_spending(conn, &mut all).await?;
    Ok(all)
}

/// What each pool with a budget has spent.
async fn fill_spending(
    conn: &mut AsyncPgConnection,
    pools: &mut [Definition],
) -> Result<(), DbError> {
    let budgeted = |pool: &Definition| pool.spec.policy.budget.is_some();
    if pools.iter().any(budgeted) {
        let spending = cost_sums::load_spending(conn).await?;
        for pool in pools.iter_mut().filter(|pool| budgeted(pool)) {
            pool.spending = spending
                .get(pool.name.as_str())
                .copied()
                .unwrap_or_default();
        }
    }
    Ok(())
}

/// One pool, if it exists. The pool `default` always does.
pub(crate) async fn find(
    conn: &mut AsyncPgConnection,
    name: &PoolName,
) -> Result<Option<Definition>, DbError> {
    let row: Option<Row> = pools::table
        .find(name.as_str())
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()?;
    let mut found = row.map(Definition::try_from).transpose()?;
    if let Some(pool) = found
        .as_mut()
        .filter(|pool| pool.spec.policy.objective.is_some())
    {
        pool.sizing = sizings::find_latest(conn, name).await?;
    }
    fill_spending(conn, found.as_mut_slice()).await?;
    Ok(found.or_else(|| name.is_default().then(Definition::of_settings)))
}

/// Stores the next version of a pool and who made it. `declared` is the declaration in `POOLS_FILE`, if it comes from
/// there.
///
/// To be called in a transaction that has [`lock_count`](super::leases::lock_count), as the version that it
/// replaces was read before.
pub(crate) async fn put(
    conn: &mut AsyncPgConnection,
    name: &PoolName,
    spec: &PoolSpec,
    by: Option<&str>,
    declared: Option<&PoolSpec>,
) -> Result<(), DbError> {
    // sql_query: Diesel has no statement that modifies inside a WITH. A pool that is declared again after a deletion
    // continues its version numbers.
    sql_query(
        "WITH next AS (
             SELECT coalesce(max(version), 0) + 1 AS version FROM pool_versions WHERE name = $1
         ), logged AS (
             INSERT INTO pool_versions (name, version, recipe, policy, changed_by)
             SELECT $1, version, $2, $3, $4 FROM next
         )
         INSERT INTO pools (name, recipe, policy, version, changed_by, declared)
         SELECT $1, $2, $3, version, $4, $5 FROM next
         ON CONFLICT (name) DO UPDATE SET
             recipe = excluded.recipe, policy = excluded.policy, version = excluded.version,
             changed_by = excluded.changed_by, changed_at = now(),
             declared = coalesce(excluded.declared, pools.declared)",
    )
    .bind::<Text, _>(name.as_str())
    .bind::<Jsonb, _>(json(&spec.recipe))
    .bind::<Jsonb, _>(json(&spec.policy))
    .bind::<Nullable<Text>, _>(by)
    .bind::<Nullable<Jsonb>, _>(declared.map(json))
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes a pool; its versions stay. `false` if it has no row.
pub(crate) async fn delete(
    conn: &mut AsyncPgConnection,
    name: &PoolName,
    by: Option<&str>,
) -> Result<bool, DbError> {
    // sql_query: Diesel has no statement that modifies inside a WITH.
    let deleted = sql_query(
        "WITH deleted AS (
             DELETE FROM pools WHERE name = $1
             RETURNING name, version, pg_notify('agent_pool_claims', ''))
         INSERT INTO pool_versions (name, version, changed_by)
         SELECT name, version + 1, $2 FROM deleted",
    )
    .bind::<Text, _>(name.as_str())
    .bind::<Nullable<Text>, _>(by)
    .execute(conn)
    .await?;
    Ok(deleted > 0)
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = pool_versions)]
struct VersionRow {
    version: i32,
    recipe: Option<Value>,
    policy: Option<Value>,
    changed_by: Option<String>,
    changed_at: DateTime<Utc>,
}

/// Up to `limit` versions of a pool, also of one that was deleted, newest first.
pub(crate) async fn load_versions(
    conn: &mut AsyncPgConnection,
    name: &PoolName,
    limit: u16,
) -> Result<Vec<PoolVersion>, DbError> {
    let rows: Vec<VersionRow> = pool_versions::table
        .filter(pool_versions::name.eq(name.as_str()))
        .order(pool_versions::version.desc())
        .limit(limit.into())
        .select(VersionRow::as_select())
        .load(conn)
        .await?;
    let version = |row: VersionRow| {
        let spec = match row.recipe.zip(row.policy) {
            Some((recipe, policy)) => Some(PoolSpec {
                recipe: parse(name.as_str(), recipe)?,
                policy: parse(name.as_str(), policy)?,
            }),
            None => None,
        };
        Ok(PoolVersion {
            version: row.version.unsigned_abs(),
            spec,
            changed_by: row.changed_by,
            changed_at: row.changed_at,
        })
    };
    rows.into_iter().map(version).collect()
}

/// The declaration of a pool in `POOLS_FILE` when it was last applied.
pub(crate) async fn find_declared(
    conn: &mut AsyncPgConnection,
    name: &PoolName,
) -> Result<Option<PoolSpec>, DbError> {
    let declared: Option<Option<Value>> = pools::table
        .find(name.as_str())
        .select(pools::declared)
        .first(conn)
        .await
        .optional()?;
    declared
        .flatten()
        .map(|declared| parse(name.as_str(), declared))
        .transpose()
}

/// Moves the claimed and claiming instances of a pool to another pool. Returns how many.
pub(crate) async fn move_agents(
    conn: &mut AsyncPgConnection,
    from: &PoolName,
    to: &PoolName,
) -> Result<usize, DbError> {
    let moved = diesel::update(super::schema::instances::table)
        .filter(super::schema::instances::pool.eq(from.as_str()))
        .filter(super::schema::instances::status.eq_any(["claiming", "claimed", "crashed"]))
        .set(super::schema::instances::pool.eq(to.as_str()))
        .execute(conn)
        .await?;
    Ok(moved)
}

#[derive(Debug, QueryableByName)]
struct Waiting {
    #[diesel(sql_type = Text)]
    pool: String,
    #[diesel(sql_type = Integer)]
    waiting: i32,
}

/// How many claims wait for an instance of each pool; pools without any are absent.
pub(crate) async fn count_waiting(
    conn: &mut AsyncPgConnection,
) -> Result<BTreeMap<String, u32>, DbError> {
    // sql_query: the queue has no Diesel schema.
    let rows: Vec<Waiting> = sql_query(
        "SELECT pool, count(*)::int4 AS waiting FROM claim_waiters
         WHERE lease_expires_at > now() GROUP BY pool",
    )
    .load(conn)
    .await?;
    let row = |row: Waiting| (row.pool, row.waiting.unsigned_abs());
    Ok(rows.into_iter().map(row).collect())
}
