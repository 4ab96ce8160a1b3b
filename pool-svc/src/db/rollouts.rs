//! Table `rollouts`, and the columns of `instances` that roll-outs use.
//!
//! They use `sql_query`, because the columns `made_from` and `runs` are not in the Diesel schema of `instances`, which
//! is limited to 16 columns.

use std::collections::BTreeMap;

use agent_pool_core::wire::pool::{Rollout, RolloutState, Runs};
use agent_pool_core::{InstanceId, PoolName, RecipeHash};
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::result::OptionalExtension;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

use super::moves::{self, Moved, ids};
use crate::lifecycle::{Cause, Move};

/// Which recipe an instance was made from, and what it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunsNote {
    pub(crate) id: InstanceId,
    /// `None` leaves the stored value.
    pub(crate) made_from: Option<RecipeHash>,
    pub(crate) runs: Runs,
}

/// Stores what instances were made from and run.
pub(crate) async fn note_runs(
    conn: &mut AsyncPgConnection,
    notes: &[RunsNote],
) -> Result<(), DbError> {
    if notes.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = notes.iter().map(|note| note.id.as_str()).collect();
    let made_from = notes.iter().map(|note| note.made_from.as_ref());
    let made_from: Vec<Option<&str>> = made_from.map(|hash| hash.map(RecipeHash::as_str)).collect();
    let runs = notes.iter().map(|note| &note.runs);
    let runs: Vec<Value> = runs
        .map(|runs| serde_json::to_value(runs).expect("a wire type is a JSON object"))
        .collect();
    sql_query(
        "UPDATE instances AS i
         SET made_from = coalesce(seen.made_from, i.made_from), runs = seen.runs
         FROM unnest($1, $2, $3) AS seen (id, made_from, runs)
         WHERE i.id = seen.id",
    )
    .bind::<Array<Text>, _>(ids)
    .bind::<Array<Nullable<Text>>, _>(made_from)
    .bind::<Array<Jsonb>, _>(runs)
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores what an instance is made from now.
pub(crate) async fn note_made_from(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
    made_from: &RecipeHash,
) -> Result<(), DbError> {
    sql_query("UPDATE instances SET made_from = $2 WHERE id = $1")
        .bind::<Text, _>(id.as_str())
        .bind::<Text, _>(made_from.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

#[derive(Debug, QueryableByName)]
struct PoolRow {
    #[diesel(sql_type = Text)]
    pool: String,
}

/// The pools that may have instances to replace: a roll-out is in progress, or the recipe of an idle instance is known.
pub(crate) async fn load_concerned_pools(
    conn: &mut AsyncPgConnection,
) -> Result<Vec<String>, DbError> {
    let rows: Vec<PoolRow> = sql_query(
        "SELECT pool FROM instances WHERE status = 'idle' AND NOT protected AND made_from IS NOT NULL
         UNION SELECT pool FROM rollouts WHERE state IN ('canary', 'rolling')",
    )
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.pool).collect())
}

/// The counts from which the next step of a roll-out to one recipe is decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Idle instances, except protected ones.
    pub(crate) idle: u32,
    /// Idle instances that were made from this recipe.
    pub(crate) current: u32,
    /// Idle instances that were made from another recipe.
    pub(crate) outdated: u32,
    /// Instances that are being created.
    pub(crate) starting: u32,
    /// Instances that are being created from another recipe, or were begun with another one.
    pub(crate) outdated_starting: u32,
    /// The most frequent recipe of the outdated ones.
    pub(crate) from: Option<RecipeHash>,
}

#[derive(Debug, QueryableByName)]
struct FactsRow {
    #[diesel(sql_type = Integer)]
    idle: i32,
    #[diesel(sql_type = Integer)]
    current: i32,
    #[diesel(sql_type = Integer)]
    outdated: i32,
    #[diesel(sql_type = Integer)]
    starting: i32,
    #[diesel(sql_type = Integer)]
    outdated_starting: i32,
    #[diesel(sql_type = Nullable<Text>)]
    from_recipe: Option<String>,
}

/// Counts the instances of a pool by whether they were made from `recipe`. An instance of unknown recipe counts as
/// outdated if it was begun before `since` and is not idle yet.
pub(crate) async fn count_facts(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
    recipe: &RecipeHash,
    since: Option<DateTime<Utc>>,
) -> Result<Facts, DbError> {
    let row: FactsRow = sql_query(
        "SELECT count(*) FILTER (WHERE status = 'idle' AND NOT protected)::int4 AS idle,
                count(*) FILTER (WHERE status = 'idle' AND NOT protected AND made_from = $2)::int4 AS current,
                count(*) FILTER (WHERE status = 'idle' AND NOT protected AND made_from <> $2)::int4 AS outdated,
                count(*) FILTER (WHERE status = 'starting')::int4 AS starting,
                count(*) FILTER (WHERE status = 'starting'
                    AND (made_from <> $2 OR made_from IS NULL AND created_at < $3))::int4 AS outdated_starting,
                mode() WITHIN GROUP (ORDER BY made_from)
                    FILTER (WHERE status = 'idle' AND NOT protected AND made_from <> $2) AS from_recipe
         FROM instances WHERE pool = $1",
    )
    .bind::<Text, _>(pool.as_str())
    .bind::<Text, _>(recipe.as_str())
    .bind::<Nullable<Timestamptz>, _>(since)
    .get_result(conn)
    .await?;
    let count = |number: i32| number.unsigned_abs();
    let from = row.from_recipe.map(|hash| parse_hash(pool, &hash));
    Ok(Facts {
        idle: count(row.idle),
        current: count(row.current),
        outdated: count(row.outdated),
        starting: count(row.starting),
        outdated_starting: count(row.outdated_starting),
        from: from.transpose()?,
    })
}

/// Condemns the oldest idle instances of a pool that were made from another recipe: at most `most`, and so that `keep`
/// idle ones are left.
pub(crate) async fn replace_outdated(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
    recipe: &RecipeHash,
    keep: u32,
    most: u32,
) -> Result<Vec<InstanceId>, DbError> {
    let step = Move::CONDEMN_IDLE;
    let (from, to) = (step.from().as_str(), step.to().as_str());
    let cause = Cause::Replaced.as_str();
    let change = format!(
        "UPDATE instances SET status = '{to}'
         WHERE id = ANY (ARRAY (
             SELECT id FROM instances WHERE status = '{from}' AND NOT protected AND pool = $3 AND made_from <> $4
             ORDER BY created_at
             LIMIT greatest(0, least($5, (SELECT count(*) FROM instances
                 WHERE status = '{from}' AND NOT protected AND pool = $3) - $6))
             FOR UPDATE SKIP LOCKED))
         RETURNING id, name, url, pool, '{cause}' AS cause"
    );
    let moved = moves::change(Some(step.from()), Some(step.to()), &change)
        .bind::<Text, _>(pool.as_str())
        .bind::<Text, _>(recipe.as_str())
        .bind::<BigInt, _>(i64::from(most))
        .bind::<BigInt, _>(i64::from(keep));
    ids(moved.load::<Moved>(conn).await?)
}

/// A roll-out as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredRollout {
    pub(crate) id: i64,
    pub(crate) pool: String,
    pub(crate) rollout: Rollout,
}

#[derive(Debug, QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    pool: String,
    #[diesel(sql_type = Text)]
    from_recipe: String,
    #[diesel(sql_type = Text)]
    to_recipe: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    cause: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    canary: Option<String>,
    #[diesel(sql_type = Integer)]
    replaced: i32,
    #[diesel(sql_type = Integer)]
    remaining: i32,
    #[diesel(sql_type = Nullable<Text>)]
    changed_by: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    begun_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    changed_at: DateTime<Utc>,
}

impl TryFrom<Row> for StoredRollout {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let corrupt = |problem: String| corrupt(&row.pool, problem);
        let mut states = RolloutState::ALL.into_iter();
        let state = states.find(|state| state.as_str() == row.state);
        let canary = row.canary.as_deref().map(str::parse).transpose();
        let hash = |text: &str| text.parse().map_err(|error| corrupt(format!("{error}")));
        Ok(Self {
            id: row.id,
            rollout: Rollout {
                from: hash(&row.from_recipe)?,
                to: hash(&row.to_recipe)?,
                state: state.ok_or_else(|| corrupt(format!("unknown state {:?}", row.state)))?,
                canary: canary.map_err(|error| corrupt(format!("{error}")))?,
                cause: row.cause,
                replaced: row.replaced.unsigned_abs(),
                remaining: row.remaining.unsigned_abs(),
                changed_by: row.changed_by,
                begun_at: row.begun_at,
                changed_at: row.changed_at,
            },
            pool: row.pool,
        })
    }
}

fn corrupt(pool: &str, problem: String) -> DbError {
    DbError::CorruptRow {
        table: "rollouts",
        key: pool.to_owned(),
        problem,
    }
}

fn parse_hash(pool: &PoolName, hash: &str) -> Result<RecipeHash, DbError> {
    hash.parse()
        .map_err(|error| corrupt(pool.as_str(), format!("{error}")))
}

const COLUMNS: &str = "r.id, r.pool, r.from_recipe, r.to_recipe, r.state, r.cause, r.canary, r.replaced,
    r.changed_by, r.begun_at, r.changed_at,
    (SELECT count(*) FROM instances AS i
     WHERE i.pool = r.pool AND i.status = 'idle' AND NOT i.protected AND i.made_from <> r.to_recipe)::int4 AS remaining";

/// The latest roll-out of each pool that had one.
pub(crate) async fn load_latest(
    conn: &mut AsyncPgConnection,
) -> Result<BTreeMap<String, Rollout>, DbError> {
    let query = format!(
        "SELECT DISTINCT ON (r.pool) {COLUMNS} FROM rollouts AS r ORDER BY r.pool, r.id DESC"
    );
    let rows: Vec<Row> = sql_query(query).load(conn).await?;
    let latest = |row: Row| {
        let stored = StoredRollout::try_from(row)?;
        Ok((stored.pool, stored.rollout))
    };
    rows.into_iter().map(latest).collect()
}

/// The latest roll-out of a pool.
pub(crate) async fn find_latest(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
) -> Result<Option<StoredRollout>, DbError> {
    let query =
        format!("SELECT {COLUMNS} FROM rollouts AS r WHERE r.pool = $1 ORDER BY r.id DESC LIMIT 1");
    let row: Option<Row> = sql_query(query)
        .bind::<Text, _>(pool.as_str())
        .get_result(conn)
        .await
        .optional()?;
    row.map(StoredRollout::try_from).transpose()
}

/// The history of a pool with respect to a recipe.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, QueryableByName)]
pub(crate) struct Record {
    /// The latest roll-out to it was stopped.
    #[diesel(sql_type = Bool)]
    pub(crate) was_stopped: bool,
    /// Within the last hour a roll-out left it, or a roll-out to it was superseded.
    #[diesel(sql_type = Bool)]
    pub(crate) was_left: bool,
}

pub(crate) async fn find_record(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
    recipe: &RecipeHash,
) -> Result<Record, DbError> {
    let record = sql_query(
        "SELECT coalesce((SELECT state = 'stopped' FROM rollouts
                          WHERE pool = $1 AND to_recipe = $2 ORDER BY id DESC LIMIT 1), false) AS was_stopped,
                EXISTS (SELECT FROM rollouts
                        WHERE pool = $1 AND begun_at > now() - interval '1 hour'
                          AND (from_recipe = $2 OR to_recipe = $2 AND state = 'superseded')) AS was_left",
    )
    .bind::<Text, _>(pool.as_str())
    .bind::<Text, _>(recipe.as_str());
    Ok(record.get_result(conn).await?)
}

/// A roll-out that begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewRollout<'a> {
    pub(crate) pool: &'a PoolName,
    pub(crate) from: &'a RecipeHash,
    pub(crate) to: &'a RecipeHash,
    pub(crate) state: RolloutState,
    pub(crate) cause: Option<&'a str>,
}

pub(crate) async fn insert(
    conn: &mut AsyncPgConnection,
    new: NewRollout<'_>,
) -> Result<(), DbError> {
    sql_query(
        "INSERT INTO rollouts (pool, from_recipe, to_recipe, state, cause) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind::<Text, _>(new.pool.as_str())
    .bind::<Text, _>(new.from.as_str())
    .bind::<Text, _>(new.to.as_str())
    .bind::<Text, _>(new.state.as_str())
    .bind::<Nullable<Text>, _>(new.cause)
    .execute(conn)
    .await?;
    Ok(())
}

/// A change of a roll-out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Update {
    pub(crate) state: RolloutState,
    pub(crate) cause: Option<String>,
    pub(crate) canary: Option<InstanceId>,
    /// How many more instances were replaced.
    pub(crate) replaced: u32,
}

/// Stores a change of a roll-out, if anything differs. `by` is who requested it; without one the stored value stays.
pub(crate) async fn update(
    conn: &mut AsyncPgConnection,
    id: i64,
    update: &Update,
    by: Option<&str>,
) -> Result<(), DbError> {
    sql_query(
        "UPDATE rollouts
         SET state = $2, cause = $3, canary = $4, replaced = replaced + $5, changed_at = now(),
             changed_by = coalesce($6, changed_by)
         WHERE id = $1 AND ((state, cause, canary) IS DISTINCT FROM ($2, $3, $4) OR $5 > 0)",
    )
    .bind::<BigInt, _>(id)
    .bind::<Text, _>(update.state.as_str())
    .bind::<Nullable<Text>, _>(update.cause.as_deref())
    .bind::<Nullable<Text>, _>(update.canary.as_ref().map(InstanceId::as_str))
    .bind::<Integer, _>(i32::try_from(update.replaced).unwrap_or(i32::MAX))
    .bind::<Nullable<Text>, _>(by)
    .execute(conn)
    .await?;
    Ok(())
}

/// Restarts a stopped roll-out.
pub(crate) async fn restart(
    conn: &mut AsyncPgConnection,
    id: i64,
    by: Option<&str>,
) -> Result<(), DbError> {
    sql_query(
        "UPDATE rollouts
         SET state = 'canary', cause = NULL, canary = NULL, changed_by = $2, begun_at = now(), changed_at = now()
         WHERE id = $1 AND state = 'stopped'",
    )
    .bind::<BigInt, _>(id)
    .bind::<Nullable<Text>, _>(by)
    .execute(conn)
    .await?;
    Ok(())
}

/// The state of a canary.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub(crate) struct CanaryRow {
    /// Its status; `None` if its row was deleted.
    #[diesel(sql_type = Nullable<Text>)]
    pub(crate) status: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(crate) made_from: Option<String>,
    /// Why it was condemned, if it was.
    #[diesel(sql_type = Nullable<Text>)]
    pub(crate) condemned: Option<String>,
    /// The latest creation failure in its pool since then.
    #[diesel(sql_type = Nullable<Text>)]
    pub(crate) error: Option<String>,
}

pub(crate) async fn find_canary(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
    id: &InstanceId,
    since: DateTime<Utc>,
) -> Result<CanaryRow, DbError> {
    let row = sql_query(
        "SELECT (SELECT status FROM instances WHERE id = $2) AS status,
                (SELECT made_from FROM instances WHERE id = $2) AS made_from,
                (SELECT cause FROM instance_events WHERE instance_id = $2 AND to_status = 'destroying'
                 ORDER BY id DESC LIMIT 1) AS condemned,
                (SELECT error FROM pool_creation_failures WHERE pool = $1 AND failed_at >= $3
                 ORDER BY failed_at DESC LIMIT 1) AS error",
    )
    .bind::<Text, _>(pool.as_str())
    .bind::<Text, _>(id.as_str())
    .bind::<Timestamptz, _>(since);
    Ok(row.get_result(conn).await?)
}
