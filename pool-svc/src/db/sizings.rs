//! Table `pool_sizings`, and the demand and lead times in the lifecycle log.
//!
//! They use `sql_query`, because Diesel has no `extract` and no `DISTINCT ON` with these types.

use std::collections::HashMap;
use std::time::Duration;

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::Sizing;
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::result::OptionalExtension;
use diesel::sql_types::{BigInt, Double, Integer, Nullable, Text, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// The claims of a pool in the log. Entries from before pools existed belong to the pool `default`.
const CLAIMS: &str = "instance_events
    WHERE from_status = 'idle' AND to_status = 'claiming' AND coalesce(pool, 'default') = $1";

/// How many warm-ups the lead time is averaged over.
const MEASURED: i64 = 200;

#[derive(Debug, QueryableByName)]
struct Bucket {
    #[diesel(sql_type = BigInt)]
    start: i64,
    #[diesel(sql_type = BigInt)]
    claims: i64,
}

/// The claims since then in windows of this many seconds: the start of each window with claims, and their number.
pub(crate) async fn count_claims(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
    since: DateTime<Utc>,
    window: u32,
) -> Result<Vec<(i64, u32)>, DbError> {
    let rows: Vec<Bucket> = sql_query(format!(
        "SELECT floor(extract(epoch FROM at) / $3)::bigint * $3 AS start, count(*) AS claims
         FROM {CLAIMS} AND at >= $2 GROUP BY 1 ORDER BY 1"
    ))
    .bind::<Text, _>(pool.as_str())
    .bind::<Timestamptz, _>(since)
    .bind::<BigInt, _>(i64::from(window.max(1)))
    .load(conn)
    .await?;
    let bucket = |row: Bucket| (row.start, u32::try_from(row.claims).unwrap_or(u32::MAX));
    Ok(rows.into_iter().map(bucket).collect())
}

#[derive(Debug, QueryableByName)]
struct Moment {
    #[diesel(sql_type = BigInt)]
    at: i64,
}

/// When each claim since then came, in seconds since 1970 and in order.
pub(crate) async fn load_claims(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
    since: DateTime<Utc>,
) -> Result<Vec<i64>, DbError> {
    let rows: Vec<Moment> = sql_query(format!(
        "SELECT floor(extract(epoch FROM at))::bigint AS at FROM {CLAIMS} AND at >= $2 ORDER BY 1"
    ))
    .bind::<Text, _>(pool.as_str())
    .bind::<Timestamptz, _>(since)
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.at).collect())
}

#[derive(Debug, QueryableByName)]
struct Oldest {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    at: Option<DateTime<Utc>>,
}

/// The time of the oldest entry in the log.
pub(crate) async fn find_oldest_entry(
    conn: &mut AsyncPgConnection,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let oldest: Oldest = sql_query("SELECT min(at) AS at FROM instance_events")
        .get_result(conn)
        .await?;
    Ok(oldest.at)
}

#[derive(Debug, QueryableByName)]
struct Lead {
    #[diesel(sql_type = Nullable<Double>)]
    seconds: Option<f64>,
}

/// The mean time from the row of an instance until it is idle, over the latest ones of the pool.
pub(crate) async fn measure_lead(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
) -> Result<Option<Duration>, DbError> {
    let lead: Lead = sql_query(
        "SELECT avg(took)::float8 AS seconds FROM (
             SELECT extract(epoch FROM idle.at - (
                        SELECT min(made.at) FROM instance_events AS made
                        WHERE made.instance_id = idle.instance_id AND made.to_status = 'starting')) AS took
             FROM instance_events AS idle
             WHERE idle.from_status = 'starting' AND idle.to_status = 'idle'
               AND coalesce(idle.pool, 'default') = $1
             ORDER BY idle.id DESC LIMIT $2) AS latest",
    )
    .bind::<Text, _>(pool.as_str())
    .bind::<BigInt, _>(MEASURED)
    .get_result(conn)
    .await?;
    let lead = lead
        .seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Ok(lead)
}

#[derive(Debug, QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    pool: String,
    #[diesel(sql_type = Integer)]
    target: i32,
    #[diesel(sql_type = Integer)]
    wanted: i32,
    #[diesel(sql_type = Text)]
    bound: String,
    #[diesel(sql_type = Double)]
    rate: f64,
    #[diesel(sql_type = Integer)]
    recent: i32,
    #[diesel(sql_type = Double)]
    lead_seconds: f64,
    #[diesel(sql_type = Double)]
    dispersion: f64,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Timestamptz)]
    decided_at: DateTime<Utc>,
}

impl From<Row> for Sizing {
    fn from(row: Row) -> Self {
        Self {
            target: row.target.unsigned_abs(),
            wanted: row.wanted.unsigned_abs(),
            bound: row.bound,
            claims_per_minute: row.rate * 60.0,
            recent_claims: row.recent.unsigned_abs(),
            lead_seconds: row.lead_seconds,
            dispersion: row.dispersion,
            reason: row.reason,
            decided_at: row.decided_at,
        }
    }
}

/// The latest decision about each pool.
pub(crate) async fn load_latest(
    conn: &mut AsyncPgConnection,
) -> Result<HashMap<String, Sizing>, DbError> {
    let rows: Vec<Row> = sql_query(
        "SELECT DISTINCT ON (pool) pool, target, wanted, bound, rate, recent, lead_seconds, dispersion, reason, decided_at
         FROM pool_sizings WHERE decided_at > now() - interval '1 day'
         ORDER BY pool, decided_at DESC, id DESC",
    )
    .load(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.pool.clone(), row.into()))
        .collect())
}

/// The latest decision about one pool.
pub(crate) async fn find_latest(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
) -> Result<Option<Sizing>, DbError> {
    let row: Option<Row> = sql_query(
        "SELECT pool, target, wanted, bound, rate, recent, lead_seconds, dispersion, reason, decided_at
         FROM pool_sizings WHERE pool = $1 ORDER BY decided_at DESC, id DESC LIMIT 1",
    )
    .bind::<Text, _>(pool.as_str())
    .get_result(conn)
    .await
    .optional()?;
    Ok(row.map(Sizing::from))
}

/// Stores a decision.
pub(crate) async fn insert(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
    sizing: &Sizing,
) -> Result<(), DbError> {
    let count = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    sql_query(
        "INSERT INTO pool_sizings (pool, target, wanted, bound, rate, recent, lead_seconds, dispersion, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind::<Text, _>(pool.as_str())
    .bind::<Integer, _>(count(sizing.target))
    .bind::<Integer, _>(count(sizing.wanted))
    .bind::<Text, _>(&sizing.bound)
    .bind::<Double, _>(sizing.claims_per_minute / 60.0)
    .bind::<Integer, _>(count(sizing.recent_claims))
    .bind::<Double, _>(sizing.lead_seconds)
    .bind::<Double, _>(sizing.dispersion)
    .bind::<Text, _>(&sizing.reason)
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(Debug, QueryableByName)]
struct Most {
    #[diesel(sql_type = Nullable<Integer>)]
    target: Option<i32>,
}

/// The highest target of the last minutes: idle instances above it are surplus.
pub(crate) async fn highest_target(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
    minutes: u32,
) -> Result<Option<u32>, DbError> {
    let most: Most = sql_query(
        "SELECT max(target) AS target FROM pool_sizings
         WHERE pool = $1 AND decided_at > now() - make_interval(mins => $2)",
    )
    .bind::<Text, _>(pool.as_str())
    .bind::<Integer, _>(i32::try_from(minutes).unwrap_or(i32::MAX))
    .get_result(conn)
    .await?;
    Ok(most.target.map(i32::unsigned_abs))
}

/// Deletes decisions that are older than `days`.
pub(crate) async fn prune(conn: &mut AsyncPgConnection, days: u16) -> Result<(), DbError> {
    sql_query("DELETE FROM pool_sizings WHERE decided_at < now() - make_interval(days => $1)")
        .bind::<Integer, _>(i32::from(days))
        .execute(conn)
        .await?;
    Ok(())
}
