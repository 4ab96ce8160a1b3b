//! Table `pool_creation_failures`: the back-off of each pool. Each cause of failure has its own pause, which
//! doubles with each failure in a row, and after too many failures creations stop, except for probes. While any pause
//! runs no creation starts; after it one is tried, and a success ends all pauses. All replicas share the table, and a
//! restart forgets nothing; times are the database's.

use std::collections::HashMap;
use std::time::Duration;

use agent_pool_core::wire::pool::{CreationFailure, WebhookEvent};
use agent_pool_core::{InstanceId, PoolName};
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, Bool, Double, Integer, Text};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde_json::json;

use super::row::parse_pool;
use super::schema::{instances, pool_creation_failures as creation_failures};
use super::webhooks;
use crate::plural::count_of;

/// Pause after the first failure of a cause.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause unless Services asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The cause of instances that were created and never became idle.
const NEVER_READY: &str = "instance_never_ready";
/// The cause of instances that died soon after they became idle.
const DIED_EARLY: &str = "instance_died_early";
/// Causes that a successful creation alone does not disprove.
const UNPROVEN: [&str; 2] = [NEVER_READY, DIED_EARLY];
/// After how many failures in a row with one cause creations stop, unless the policy of the pool says otherwise.
const MAX_FAILURES: i32 = 10;
/// Pause before the first probe after creations stopped; it doubles.
const FIRST_PROBE_PAUSE: Duration = Duration::from_mins(10);
/// Longest pause between two probes.
const LONGEST_PROBE_PAUSE: Duration = Duration::from_hours(6);
/// Appended to the error of a cause for which creations stopped.
const STOPPED: &str = "; creations have stopped, except for probes: fix the cause, then resume the pool \
     (poolctl pools resume)";

/// A creation that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewFailure {
    /// The stable identifier of the cause.
    pub(crate) cause: String,
    pub(crate) error: String,
    pub(crate) retry_after: Option<Duration>,
}

impl NewFailure {
    /// An instance was created and never became idle.
    pub(crate) fn never_ready(id: &InstanceId, why: &str) -> Self {
        let what = "was created and never became ready";
        Self::of_deployment(NEVER_READY, id, what, why)
    }

    /// An instance died soon after it became idle.
    pub(crate) fn died_early(id: &InstanceId, why: &str) -> Self {
        let what = "died soon after it became idle";
        Self::of_deployment(DIED_EARLY, id, what, why)
    }

    fn of_deployment(cause: &str, id: &InstanceId, what: &str, why: &str) -> Self {
        Self {
            cause: cause.to_owned(),
            error: format!("instance {id} {what} ({why}): check the runtime image and its logs"),
            retry_after: None,
        }
    }
}

/// Records that the creation of `id` failed, and stops creations of its pool after too many failures.
///
/// Concurrent failures count as one: those of creations that began before the cause was known.
pub(crate) async fn record(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
    failure: &NewFailure,
) -> Result<(), DbError> {
    conn.transaction(async |conn| {
        count(conn, id, failure).await?;
        stop(conn, id, failure).await
    })
    .await
}

async fn count(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
    failure: &NewFailure,
) -> Result<(), DbError> {
    // sql_query: Diesel has no sub-select in ON CONFLICT DO UPDATE, and adds no bound interval.
    sql_query(
        "INSERT INTO pool_creation_failures AS f (pool, cause, error, in_a_row, retry_at)
         VALUES (coalesce((SELECT pool FROM instances WHERE id = $6), 'default'),
                 $1, $2, 1, now() + make_interval(secs => greatest($3, $5)))
         ON CONFLICT (pool, cause) DO UPDATE SET
             error = $2,
             (in_a_row, failed_at, retry_at) = (
                 SELECT f.in_a_row + CASE WHEN later THEN 1 ELSE 0 END,
                        CASE WHEN later THEN now() ELSE f.failed_at END,
                        greatest(f.retry_at, now() + make_interval(secs => greatest($5,
                            CASE WHEN later THEN least($4, $3 * 2 ^ least(f.in_a_row, 16)) END)))
                 FROM (SELECT coalesce((SELECT created_at > f.failed_at
                                        FROM instances WHERE id = $6), true)) AS one (later))",
    )
    .bind::<Text, _>(&failure.cause)
    .bind::<Text, _>(&failure.error)
    .bind::<Double, _>(FIRST_PAUSE.as_secs_f64())
    .bind::<Double, _>(LONGEST_PAUSE.as_secs_f64())
    .bind::<Double, _>(failure.retry_after.unwrap_or(Duration::ZERO).as_secs_f64())
    .bind::<Text, _>(id.as_str())
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(Debug, QueryableByName)]
struct StopRow {
    #[diesel(sql_type = Text)]
    pool: String,
    #[diesel(sql_type = Integer)]
    in_a_row: i32,
    #[diesel(sql_type = Bool)]
    begins: bool,
}

/// Stops creations, or postpones the next probe, if the cause failed too often in a row. Webhooks are notified once.
async fn stop(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
    failure: &NewFailure,
) -> Result<(), DbError> {
    // sql_query: Diesel adds no bound interval, and the limit is in the policy of the pool.
    let stopped: Option<StopRow> = sql_query(
        "UPDATE pool_creation_failures AS f SET
             stopped_at = coalesce(stopped_at, now()),
             retry_at = greatest(retry_at, now() + make_interval(secs => least($5,
                 $4 * 2 ^ least(in_a_row - most.failures, 16))))
         FROM (SELECT own.pool, coalesce((pools.policy->>'maxFailures')::int4, $3) AS failures
               FROM (SELECT coalesce((SELECT pool FROM instances WHERE id = $2), 'default')) AS own (pool)
               LEFT JOIN pools ON pools.name = own.pool) AS most
         WHERE f.pool = most.pool AND cause = $1 AND in_a_row >= most.failures
         RETURNING f.pool, in_a_row, stopped_at = now() AS begins",
    )
    .bind::<Text, _>(&failure.cause)
    .bind::<Text, _>(id.as_str())
    .bind::<Integer, _>(MAX_FAILURES)
    .bind::<Double, _>(FIRST_PROBE_PAUSE.as_secs_f64())
    .bind::<Double, _>(LONGEST_PROBE_PAUSE.as_secs_f64())
    .get_result(conn)
    .await
    .optional()?;
    let Some(stopped) = stopped.filter(|stopped| stopped.begins) else {
        return Ok(());
    };
    let times = count_of(stopped.in_a_row.unsigned_abs(), "time");
    let reason = format!("creations failed {times} in a row: {}", failure.error);
    let data = json!({ "pool": stopped.pool, "cause": failure.cause, "reason": reason });
    webhooks::raise(conn, WebhookEvent::PoolPaused, &data).await
}

/// Forgets all failures of a pool, because a person resumes it.
pub(crate) async fn forget_all(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
) -> Result<(), DbError> {
    diesel::delete(creation_failures::table)
        .filter(creation_failures::pool.eq(pool.as_str()))
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets the refusals of Services in the pool of this instance, because Services has created it.
pub(crate) async fn forget_refusals(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
) -> Result<(), DbError> {
    let pools = instances::table.find(id.as_str()).select(instances::pool);
    diesel::delete(creation_failures::table)
        .filter(creation_failures::cause.ne_all(UNPROVEN))
        .filter(creation_failures::pool.eq_any(pools))
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets the failed deployments in the pools of these instances, because they became idle.
pub(crate) async fn forget_never_ready(
    conn: &mut AsyncPgConnection,
    ids: &[InstanceId],
) -> Result<(), DbError> {
    let ids: Vec<&str> = ids.iter().map(InstanceId::as_str).collect();
    let pools = instances::table
        .filter(instances::id.eq_any(ids))
        .select(instances::pool);
    diesel::delete(creation_failures::table)
        .filter(creation_failures::cause.eq(NEVER_READY))
        .filter(creation_failures::pool.eq_any(pools))
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets early deaths once an instance that was created later has lived for `proof`.
pub(crate) async fn forget_early_deaths(
    conn: &mut AsyncPgConnection,
    proof: Duration,
) -> Result<(), DbError> {
    // sql_query: Diesel joins no tables without a foreign key.
    sql_query(
        "DELETE FROM pool_creation_failures AS f
         WHERE cause = $1 AND EXISTS (
             SELECT FROM instances
             WHERE instances.pool = f.pool AND status IN ('idle', 'claiming', 'claimed') AND made_at > f.failed_at
               AND made_at < now() - make_interval(secs => $2))",
    )
    .bind::<Text, _>(DIED_EARLY)
    .bind::<Double, _>(proof.as_secs_f64())
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets failures of full pools whose pause is over: there is nothing to try again unless a claim waits. Failed
/// deployments stay known until a later one is proven.
pub(crate) async fn forget_paused(
    conn: &mut AsyncPgConnection,
    full: &[&str],
) -> Result<(), DbError> {
    // sql_query: the queue has no Diesel schema.
    sql_query(
        "DELETE FROM pool_creation_failures AS f
         WHERE retry_at <= now() AND stopped_at IS NULL AND cause <> ALL ($1) AND pool = ANY ($2)
           AND NOT EXISTS (SELECT FROM claim_waiters AS w
                           WHERE w.pool = f.pool AND w.lease_expires_at > now())",
    )
    .bind::<Array<Text>, _>(UNPROVEN.to_vec())
    .bind::<Array<Text>, _>(full)
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(Debug, QueryableByName)]
struct AtOnce {
    #[diesel(sql_type = Text)]
    pool: String,
    #[diesel(sql_type = Integer)]
    at_once: i32,
}

/// How many creations may start now in each pool.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Allowances(HashMap<String, u32>);

impl Allowances {
    /// Any number, if nothing fails in the pool.
    pub(crate) fn of_pool(&self, pool: &PoolName) -> u32 {
        self.0.get(pool.as_str()).copied().unwrap_or(u32::MAX)
    }
}

/// How many creations may start now in each pool: any number without failures; none during a pause; after it one, which
/// must end before the next. If deployments fail, it ends when it becomes idle, so that tools are bought for one
/// instance at a time. If creations have stopped, that one is a probe, and pauses are longer.
pub(crate) async fn load_allowances(conn: &mut AsyncPgConnection) -> Result<Allowances, DbError> {
    // sql_query: Diesel has no bool_or.
    let rows: Vec<AtOnce> = sql_query(
        "SELECT pool,
                CASE WHEN bool_or(retry_at > now()) THEN 0
                     WHEN bool_or(cause = ANY ($1))
                          AND EXISTS (SELECT FROM instances AS i
                                      WHERE i.pool = f.pool AND status = 'starting') THEN 0
                     WHEN EXISTS (SELECT FROM instances AS i
                                  WHERE i.pool = f.pool AND status = 'starting'
                                    AND lease_expires_at > now()) THEN 0
                     ELSE 1 END AS at_once
         FROM pool_creation_failures AS f GROUP BY pool",
    )
    .bind::<Array<Text>, _>(UNPROVEN.to_vec())
    .load(conn)
    .await?;
    let allowance = |row: AtOnce| (row.pool, row.at_once.unsigned_abs());
    Ok(Allowances(rows.into_iter().map(allowance).collect()))
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = creation_failures)]
struct Row {
    pool: String,
    cause: String,
    in_a_row: i32,
    retry_at: DateTime<Utc>,
    error: String,
    failed_at: DateTime<Utc>,
    stopped_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for CreationFailure {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let hint = row.stopped_at.map_or("", |_| STOPPED);
        Ok(Self {
            pool: parse_pool(&row.cause, &row.pool)?,
            cause: row.cause,
            failures_in_a_row: row.in_a_row.unsigned_abs(),
            retry_at: row.retry_at,
            failed_at: row.failed_at,
            error: row.error + hint,
            stopped_at: row.stopped_at,
        })
    }
}

/// Why creations fail, latest first.
pub(crate) async fn load(conn: &mut AsyncPgConnection) -> Result<Vec<CreationFailure>, DbError> {
    let rows: Vec<Row> = creation_failures::table
        .order((
            creation_failures::failed_at.desc(),
            creation_failures::cause,
        ))
        .select(Row::as_select())
        .load(conn)
        .await?;
    rows.into_iter().map(CreationFailure::try_from).collect()
}

#[cfg(test)]
mod tests {
    use agent_pool_service_kit::db::Conn;

    use agent_pool_core::wire::pool::Recipe;

    use super::*;
    use crate::db::instances::{Demand, Wanted, insert_starting};
    use crate::db::test_database::{fresh_conn, run};

    async fn end_pause(conn: &mut Conn) {
        run(conn, "UPDATE pool_creation_failures SET retry_at = now()").await;
    }

    /// Makes the pause of a cause longer: one of a second may be over before the next statement.
    async fn lengthen_pause(conn: &mut Conn, cause: &str) {
        let longer = format!(
            "UPDATE pool_creation_failures SET retry_at = retry_at + interval '1 min' WHERE cause = '{cause}'"
        );
        run(conn, &longer).await;
    }

    /// Does what a tick does when the pool has its target.
    async fn forget_pauses(conn: &mut Conn) {
        let full = [PoolName::DEFAULT];
        forget_paused(conn, &full).await.unwrap();
    }

    async fn begun(conn: &mut Conn) -> InstanceId {
        let lease = Duration::from_mins(1);
        let demand = Demand {
            max_starting: None,
            reason: String::new(),
            pool: PoolName::default(),
            recipe: Recipe::default(),
            wanted: Wanted::Extra(1),
            max_total: 99,
        };
        let begun = insert_starting(conn, &[demand], 99, lease).await;
        begun.unwrap().remove(0).id
    }

    /// Begins a creation that fails. Returns the failure as it is stored.
    async fn fail(conn: &mut Conn, cause: &str, retry_after: Option<Duration>) -> CreationFailure {
        let id = begun(conn).await;
        record(conn, &id, &failed(cause, retry_after))
            .await
            .unwrap();
        run(conn, "DELETE FROM instances").await;
        known(conn, cause).await
    }

    async fn allowance(conn: &mut Conn) -> u32 {
        let allowances = load_allowances(conn).await.unwrap();
        let other = "other".parse().unwrap();
        assert_eq!(
            allowances.of_pool(&other),
            u32::MAX,
            "pools do not slow each other down"
        );
        allowances.of_pool(&PoolName::default())
    }

    async fn known(conn: &mut Conn, cause: &str) -> CreationFailure {
        let all = load(conn).await.unwrap();
        all.into_iter().find(|known| known.cause == cause).unwrap()
    }

    fn failed(cause: &str, retry_after: Option<Duration>) -> NewFailure {
        NewFailure {
            cause: cause.to_owned(),
            error: "no".to_owned(),
            retry_after,
        }
    }

    fn pause(known: &CreationFailure) -> i64 {
        (known.retry_at - known.failed_at).num_seconds()
    }

    #[tokio::test]
    async fn the_pause_of_a_cause_doubles_up_to_its_limit_and_then_one_may_try() {
        let mut conn = fresh_conn().await;
        assert_eq!(allowance(&mut conn).await, u32::MAX);
        run(
            &mut conn,
            r#"INSERT INTO pools (name, recipe, policy, version) VALUES ('default', '{}', '{"maxFailures": 99}', 1)"#,
        )
        .await;
        let pauses = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300];
        for (in_a_row, seconds) in (1..).zip(pauses) {
            let known = fail(&mut conn, "quota", None).await;
            assert_eq!(
                (known.failures_in_a_row, pause(&known)),
                (in_a_row, seconds)
            );
            lengthen_pause(&mut conn, "quota").await;
            assert_eq!(allowance(&mut conn).await, 0);
            end_pause(&mut conn).await;
            assert_eq!(allowance(&mut conn).await, 1);
        }
        let other = fail(&mut conn, "down", None).await;
        assert_eq!((other.failures_in_a_row, pause(&other)), (1, 1));
        assert_eq!(known(&mut conn, "quota").await.failures_in_a_row, 11);
        lengthen_pause(&mut conn, "down").await;
        assert_eq!(allowance(&mut conn).await, 0, "one pause is enough");
    }

    #[tokio::test]
    async fn after_a_pause_one_tries_and_no_other_until_it_ends() {
        let mut conn = fresh_conn().await;
        fail(&mut conn, "quota", None).await;
        end_pause(&mut conn).await;
        begun(&mut conn).await;
        assert_eq!(allowance(&mut conn).await, 0);
        run(&mut conn, "UPDATE instances SET lease_expires_at = now()").await;
        assert_eq!(allowance(&mut conn).await, 1, "its creator died");
    }

    #[tokio::test]
    async fn a_pause_is_as_long_as_the_vendor_asks() {
        let mut conn = fresh_conn().await;
        let minute = Some(Duration::from_mins(1));
        for in_a_row in 1..3 {
            let known = fail(&mut conn, "quota", minute).await;
            assert_eq!((known.failures_in_a_row, pause(&known)), (in_a_row, 60));
        }
    }

    #[tokio::test]
    async fn a_pause_that_is_over_is_forgotten_unless_a_claim_waits() {
        let mut conn = fresh_conn().await;
        fail(&mut conn, "quota", None).await;
        end_pause(&mut conn).await;
        let waiter = "INSERT INTO claim_waiters (lease_expires_at) VALUES (now() + interval '1 m')";
        run(&mut conn, waiter).await;
        forget_pauses(&mut conn).await;
        assert_eq!(load(&mut conn).await.unwrap().len(), 1);
        run(
            &mut conn,
            "UPDATE claim_waiters SET lease_expires_at = now()",
        )
        .await;
        forget_pauses(&mut conn).await;
        assert_eq!(load(&mut conn).await.unwrap(), []);
    }

    #[tokio::test]
    async fn failures_side_by_side_count_once_and_a_success_ends_them() {
        let mut conn = fresh_conn().await;
        let (first, second) = (begun(&mut conn).await, begun(&mut conn).await);
        record(&mut conn, &first, &failed("quota", None))
            .await
            .unwrap();
        let minute = Some(Duration::from_mins(1));
        record(&mut conn, &second, &failed("quota", minute))
            .await
            .unwrap();
        let known = known(&mut conn, "quota").await;
        assert_eq!(known.failures_in_a_row, 1);
        assert!(pause(&known) >= 60, "the longer pause is kept");
        forget_pauses(&mut conn).await;
        assert_eq!(load(&mut conn).await.unwrap().len(), 1, "its pause is kept");
        forget_refusals(&mut conn, &second).await.unwrap();
        assert_eq!(load(&mut conn).await.unwrap(), []);
    }

    #[tokio::test]
    async fn after_a_deployment_that_failed_one_is_proven_at_a_time() {
        let mut conn = fresh_conn().await;
        let id = begun(&mut conn).await;
        let failure = NewFailure::never_ready(&id, "deployment_dead");
        record(&mut conn, &id, &failure).await.unwrap();
        end_pause(&mut conn).await;
        run(
            &mut conn,
            "UPDATE instances SET lease_expires_at = NULL, url = 'http://h/'",
        )
        .await;
        assert_eq!(allowance(&mut conn).await, 0, "one is being proven");
        run(&mut conn, "DELETE FROM instances").await;
        assert_eq!(allowance(&mut conn).await, 1);
        let created = begun(&mut conn).await;
        forget_refusals(&mut conn, &created).await.unwrap();
        run(&mut conn, "DELETE FROM instances").await;
        forget_pauses(&mut conn).await;
        assert_eq!(allowance(&mut conn).await, 1, "a creation proves nothing");
        let idle = begun(&mut conn).await;
        forget_never_ready(&mut conn, &[idle]).await.unwrap();
        assert_eq!(allowance(&mut conn).await, u32::MAX);
    }

    #[tokio::test]
    async fn after_many_failures_creations_stop_and_only_probes_are_made() {
        let mut conn = fresh_conn().await;
        let endpoint = "INSERT INTO webhook_endpoints (id, url, secret, events) VALUES ('e', 'u', 's', '{pool.paused}')";
        run(&mut conn, endpoint).await;
        for _ in 1..MAX_FAILURES {
            assert_eq!(fail(&mut conn, "quota", None).await.stopped_at, None);
        }
        for probe_after in [600, 1_200, 2_400] {
            let known = fail(&mut conn, "quota", None).await;
            assert!(known.stopped_at.is_some() && known.error.ends_with(STOPPED));
            assert_eq!(pause(&known), probe_after);
            assert_eq!(allowance(&mut conn).await, 0);
        }
        end_pause(&mut conn).await;
        forget_pauses(&mut conn).await;
        assert_eq!(allowance(&mut conn).await, 1, "a probe");
        let once = "SELECT count(*)::int8 AS n FROM webhook_messages WHERE body LIKE '%10 times in a row%'";
        let raised: Count = sql_query(once).get_result(&mut conn).await.unwrap();
        assert_eq!(raised.n, 1, "webhooks are notified when it stops");
        forget_all(&mut conn, &PoolName::default()).await.unwrap();
        assert_eq!(allowance(&mut conn).await, u32::MAX);
    }

    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        n: i64,
    }

    #[tokio::test]
    async fn an_early_death_is_forgotten_once_a_later_instance_has_lived() {
        let mut conn = fresh_conn().await;
        let (id, minute) = (InstanceId::generate(), Duration::from_mins(1));
        let failure = NewFailure::died_early(&id, "deployment_dead");
        record(&mut conn, &id, &failure).await.unwrap();
        run(
            &mut conn,
            "UPDATE pool_creation_failures SET failed_at = now() - interval '1 h'",
        )
        .await;
        for (made, known) in [("2 h", 1), ("1 s", 1), ("10 min", 0)] {
            let insert = format!(
                "INSERT INTO instances (id, name, status, url, made_at)
                 VALUES ('{made}', 'n', 'idle', 'http://h/', now() - interval '{made}')"
            );
            run(&mut conn, &insert).await;
            forget_early_deaths(&mut conn, minute).await.unwrap();
            assert_eq!(load(&mut conn).await.unwrap().len(), known, "{made}");
        }
    }
}
