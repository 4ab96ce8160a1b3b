//! The guards of instances: protection, the maximum age of idle instances, and the maximum age and inactivity of
//! agents.
//!
//! They use `sql_query`, because they move instances (see [`moves`]) and compare with bound intervals.

use std::collections::HashMap;
use std::time::Duration;

use agent_pool_core::wire::pool::Status;
use agent_pool_core::{InstanceId, PoolName};
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::result::OptionalExtension;
use diesel::sql_types::{Array, Bool, Double, Int8, Nullable, Text, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::moves::{self, Moved, Rest, ids};
use super::row::{parse_id, parse_status};
use crate::lifecycle::{Cause, Move};
use crate::pools::{EndRule, Plan};

/// Whether an instance is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protection {
    On,
    Off,
}

/// Status and protection of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Guarded {
    pub(crate) status: Status,
    pub(crate) protected: bool,
}

#[derive(Debug, QueryableByName)]
struct GuardedRow {
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Bool)]
    protected: bool,
}

/// The status of an instance and whether it is protected; `None` if there is no such instance.
pub(crate) async fn find(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
) -> Result<Option<Guarded>, DbError> {
    let row: Option<GuardedRow> =
        sql_query("SELECT status, protected FROM instances WHERE id = $1")
            .bind::<Text, _>(id.as_str())
            .get_result(conn)
            .await
            .optional()?;
    let guarded = |row: GuardedRow| {
        Ok(Guarded {
            status: parse_status(id.as_str(), &row.status)?,
            protected: row.protected,
        })
    };
    row.map(guarded).transpose()
}

/// Protects an instance that has this status, or lifts its protection. Returns whether that changed anything.
pub(crate) async fn protect(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
    status: Status,
    protection: Protection,
) -> Result<bool, DbError> {
    let (on, cause) = match protection {
        Protection::On => (true, Cause::Protected),
        Protection::Off => (false, Cause::Unprotected),
    };
    let (cause, word) = (cause.as_str(), status.as_str());
    let change = format!(
        "UPDATE instances SET protected = {on}
         WHERE id = $3 AND status = '{word}' AND protected <> {on}
         RETURNING id, name, url, pool, '{cause}' AS cause"
    );
    let changed = moves::change(Some(status), Some(status), &change)
        .bind::<Text, _>(id.as_str())
        .load::<Moved>(conn)
        .await?;
    Ok(!changed.is_empty())
}

/// Since when an instance has been idle, at the earliest.
const IDLE_SINCE: &str = "coalesce(made_at, created_at)";

#[derive(Debug, QueryableByName)]
struct StaleRow {
    #[diesel(sql_type = Text)]
    pool: String,
    #[diesel(sql_type = Int8)]
    stale: i64,
}

/// How many instances of each pool have been idle for longer than its policy allows. Pools without any are absent.
pub(crate) async fn count_stale(
    conn: &mut AsyncPgConnection,
    plans: &[Plan],
) -> Result<HashMap<String, u32>, DbError> {
    let (pools, ages): (Vec<&str>, Vec<f64>) = plans
        .iter()
        .filter_map(|plan| Some((plan.name.as_str(), plan.max_idle?.as_secs_f64())))
        .unzip();
    if pools.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<StaleRow> = sql_query(format!(
        "SELECT pool, count(*) AS stale FROM instances JOIN unnest($1, $2) AS most (pool, age) USING (pool)
         WHERE status = 'idle' AND NOT protected AND {IDLE_SINCE} < now() - make_interval(secs => age)
         GROUP BY pool"
    ))
    .bind::<Array<Text>, _>(pools)
    .bind::<Array<Double>, _>(ages)
    .load(conn)
    .await?;
    let count = |row: StaleRow| (row.pool, u32::try_from(row.stale).unwrap_or(u32::MAX));
    Ok(rows.into_iter().map(count).collect())
}

/// Condemns the oldest of the instances that have been idle for longer than `max_idle`, and leaves the pool at least
/// `keep` idle ones.
pub(crate) async fn remove_stale(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
    keep: u32,
    max_idle: Duration,
) -> Result<Vec<InstanceId>, DbError> {
    let step = Move::CONDEMN_IDLE;
    let (from, to) = (step.from().as_str(), step.to().as_str());
    let cause = Cause::Stale.as_str();
    let change = format!(
        "UPDATE instances SET status = '{to}'
         WHERE id = ANY (ARRAY (
             SELECT id FROM instances
             WHERE status = '{from}' AND pool = $3 AND NOT protected
               AND {IDLE_SINCE} < now() - make_interval(secs => $5)
             ORDER BY created_at
             LIMIT greatest(0, (SELECT count(*) FROM instances
                                WHERE status = '{from}' AND pool = $3 AND NOT protected) - $4)
             FOR UPDATE SKIP LOCKED))
         RETURNING id, name, url, pool, '{cause}' AS cause"
    );
    let moved = moves::change(Some(step.from()), Some(step.to()), &change)
        .bind::<Text, _>(pool.as_str())
        .bind::<Int8, _>(i64::from(keep))
        .bind::<Double, _>(max_idle.as_secs_f64());
    ids(moved.load::<Moved>(conn).await?)
}

/// Stores when agents were last active, as reported by their runtimes.
pub(crate) async fn note_activity(
    conn: &mut AsyncPgConnection,
    reported: &[(InstanceId, DateTime<Utc>)],
) -> Result<(), DbError> {
    let (ids, times): (Vec<&str>, Vec<DateTime<Utc>>) =
        reported.iter().map(|(id, at)| (id.as_str(), *at)).unzip();
    // A clock that is ahead must not keep an agent alive for ever.
    sql_query(
        "UPDATE instances AS i SET active_at = least(now(), reported.at)
         FROM unnest($1, $2) AS reported (id, at)
         WHERE i.id = reported.id AND i.status = 'claimed'
           AND (i.active_at IS NULL OR i.active_at < least(now(), reported.at))",
    )
    .bind::<Array<Text>, _>(ids)
    .bind::<Array<Timestamptz>, _>(times)
    .execute(conn)
    .await?;
    Ok(())
}

/// When an agent is too old: $4 is the longest age of all, `ttl_seconds` that of its claim. NULL: never.
const TOO_OLD_AT: &str = "claimed_at + make_interval(secs => least($4, ttl_seconds))";

/// How long before that it is warned: not before half of a short life.
const WARNED_OLD: &str =
    "make_interval(secs => least($6, $4 / 2.0::float8, ttl_seconds / 2.0::float8))";

/// When an agent is inactive for too long: $5 is the longest inactivity. NULL: never.
const INACTIVE_AT: &str = "CASE WHEN active_at IS NOT NULL
     THEN greatest(active_at, claimed_at) + make_interval(secs => $5) END";

/// How long before that it is warned: not before half of a short timeout, so that an active agent is not.
const WARNED_INACTIVE: &str = "make_interval(secs => least($6, $5 / 2.0::float8))";

/// When an agent is to be warned. NULL: never.
fn warned_at() -> String {
    format!("least({TOO_OLD_AT} - {WARNED_OLD}, {INACTIVE_AT} - {WARNED_INACTIVE})")
}

/// The unprotected agents of the pool $3.
const AGENTS: &str = "status = 'claimed' AND pool = $3 AND NOT protected";

fn seconds(time: Option<Duration>) -> Option<f64> {
    Some(time?.as_secs_f64())
}

/// An agent that is about to be ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndingAgent {
    pub(crate) id: InstanceId,
    pub(crate) ends_at: DateTime<Utc>,
}

#[derive(Debug, QueryableByName)]
struct EndingRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Timestamptz)]
    ends_at: DateTime<Utc>,
}

/// Marks agents whose end is within the warning time, and returns those that were not marked before. An agent that
/// became active again loses its mark.
pub(crate) async fn mark_ending(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
    rule: EndRule,
) -> Result<Vec<EndingAgent>, DbError> {
    let warned_at = warned_at();
    let reset = sql_query(format!(
        "UPDATE instances SET end_warned_at = NULL
         WHERE {AGENTS} AND end_warned_at IS NOT NULL AND coalesce({warned_at} > now(), true)"
    ));
    // $1 and $2 are the principal in the other statements.
    reset
        .bind::<Nullable<Text>, _>(None::<&str>)
        .bind::<Nullable<Text>, _>(None::<&str>)
        .bind::<Text, _>(pool.as_str())
        .bind::<Nullable<Double>, _>(seconds(rule.ttl))
        .bind::<Nullable<Double>, _>(seconds(rule.idle_timeout))
        .bind::<Double, _>(rule.warning.as_secs_f64())
        .execute(conn)
        .await?;
    let cause = Cause::EndingSoon.as_str();
    let change = format!(
        "UPDATE instances SET end_warned_at = now()
         WHERE {AGENTS} AND end_warned_at IS NULL AND {warned_at} <= now()
         RETURNING id, name, url, pool, '{cause}' AS cause,
                   -- greatest() passes over NULL: an end that never comes stays NULL.
                   least({TOO_OLD_AT} + greatest('0', now() + {WARNED_OLD} - {TOO_OLD_AT}),
                         {INACTIVE_AT} + greatest('0', now() + {WARNED_INACTIVE} - {INACTIVE_AT})) AS ends_at"
    );
    let claimed = Some(Status::Claimed);
    let rest = Rest {
        columns: "id, ends_at",
        ..Rest::default()
    };
    let rows: Vec<EndingRow> = moves::change_and(claimed, claimed, &change, rest)
        .bind::<Text, _>(pool.as_str())
        .bind::<Nullable<Double>, _>(seconds(rule.ttl))
        .bind::<Nullable<Double>, _>(seconds(rule.idle_timeout))
        .bind::<Double, _>(rule.warning.as_secs_f64())
        .load(conn)
        .await?;
    let ending = |row: EndingRow| {
        Ok(EndingAgent {
            id: parse_id(row.id)?,
            ends_at: row.ends_at,
        })
    };
    rows.into_iter().map(ending).collect()
}

/// Condemns the agents that have reached their end and were marked long enough before.
pub(crate) async fn end_agents(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
    rule: EndRule,
) -> Result<Vec<InstanceId>, DbError> {
    let step = Move::CONDEMN_CLAIMED;
    let to = step.to().as_str();
    let [expired, inactive] = [Cause::Expired, Cause::Inactive].map(Cause::as_str);
    let change = format!(
        "UPDATE instances SET status = '{to}', lease_expires_at = NULL
         WHERE {AGENTS} AND ({TOO_OLD_AT} <= now() AND end_warned_at <= now() - {WARNED_OLD}
                          OR {INACTIVE_AT} <= now() AND end_warned_at <= now() - {WARNED_INACTIVE})
         RETURNING id, name, url, pool,
                   CASE WHEN {TOO_OLD_AT} <= now()
                        THEN '{expired}' ELSE '{inactive}' END AS cause"
    );
    let moved = moves::change(Some(step.from()), Some(step.to()), &change)
        .bind::<Text, _>(pool.as_str())
        .bind::<Nullable<Double>, _>(seconds(rule.ttl))
        .bind::<Nullable<Double>, _>(seconds(rule.idle_timeout))
        .bind::<Double, _>(rule.warning.as_secs_f64());
    ids(moved.load::<Moved>(conn).await?)
}
