//! Table `creation_failures`: what creations fail with, and when the next may begin. Shared by all
//! replicas, and as old as the failures; times are the database's.

use std::time::Duration;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::CreationFailure;
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Double, Integer, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::schema::creation_failures;
/// Pause after the first failure of a cause.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause unless Services asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// A creation that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewFailure {
    /// The stable word for it.
    pub(crate) cause: String,
    pub(crate) error: String,
    pub(crate) retry_after: Option<Duration>,
}

/// Notes that the creation of `id` failed.
///
/// Creations that fail side by side count as one: those that began before the cause was known.
pub(crate) async fn record(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
    failure: &NewFailure,
) -> Result<(), DbError> {
    // sql_query: Diesel has no sub-select in ON CONFLICT DO UPDATE, and adds no bound interval.
    sql_query(
        "INSERT INTO creation_failures AS f (cause, error, in_a_row, retry_at)
         VALUES ($1, $2, 1, now() + make_interval(secs => greatest($3, $5)))
         ON CONFLICT (cause) DO UPDATE SET
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

/// A creation succeeded: whatever the others failed with is over.
pub(crate) async fn forget_all(conn: &mut AsyncPgConnection) -> Result<(), DbError> {
    diesel::delete(creation_failures::table)
        .execute(conn)
        .await?;
    Ok(())
}

/// The pool is full. Where a pause is over there is nothing to try again: another creation has made
/// what failed, or nobody misses it. A claim that waits does miss it.
pub(crate) async fn forget_paused(conn: &mut AsyncPgConnection) -> Result<(), DbError> {
    // sql_query: the queue has no Diesel schema.
    sql_query(
        "DELETE FROM creation_failures
         WHERE retry_at <= now()
           AND NOT EXISTS (SELECT FROM claim_waiters WHERE lease_expires_at > now())",
    )
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(Debug, QueryableByName)]
struct AtOnce {
    #[diesel(sql_type = Nullable<Integer>)]
    at_once: Option<i32>,
}

/// How many creations may begin now: any number while none fails; none during a pause; after it one,
/// whose end is waited for.
pub(crate) async fn allowance(conn: &mut AsyncPgConnection) -> Result<u32, DbError> {
    // sql_query: Diesel has no bool_or.
    let row: AtOnce = sql_query(
        "SELECT CASE WHEN count(*) = 0 THEN NULL
                     WHEN bool_or(retry_at > now()) THEN 0
                     WHEN EXISTS (SELECT FROM instances
                                  WHERE status = 'starting' AND lease_expires_at > now()) THEN 0
                     ELSE 1 END AS at_once
         FROM creation_failures",
    )
    .get_result(conn)
    .await?;
    Ok(row.at_once.map_or(u32::MAX, i32::unsigned_abs))
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = creation_failures)]
struct Row {
    cause: String,
    in_a_row: i32,
    retry_at: DateTime<Utc>,
    error: String,
    failed_at: DateTime<Utc>,
}

impl From<Row> for CreationFailure {
    fn from(row: Row) -> Self {
        Self {
            cause: row.cause,
            failures_in_a_row: row.in_a_row.unsigned_abs(),
            retry_at: row.retry_at,
            failed_at: row.failed_at,
            error: row.error,
        }
    }
}

/// What creations fail with, the latest first.
pub(crate) async fn load(conn: &mut AsyncPgConnection) -> Result<Vec<CreationFailure>, DbError> {
    let rows: Vec<Row> = creation_failures::table
        .order((
            creation_failures::failed_at.desc(),
            creation_failures::cause,
        ))
        .select(Row::as_select())
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(CreationFailure::from).collect())
}

#[cfg(test)]
mod tests {
    use agent_pool_service_kit::db::Conn;
    use agent_pool_service_kit::testing::fresh_database;

    use super::*;
    use crate::db::MIGRATIONS;
    use crate::db::instances::{Demand, insert_starting};

    async fn conn() -> Conn {
        let database = fresh_database(MIGRATIONS, "pool").await;
        database.db().conn().await.unwrap()
    }

    async fn run(conn: &mut Conn, statement: &str) {
        sql_query(statement).execute(conn).await.unwrap();
    }

    async fn begun(conn: &mut Conn) -> InstanceId {
        let lease = Duration::from_mins(1);
        let begun = insert_starting(conn, Demand::Extra(1), 99, lease).await;
        begun.unwrap().remove(0).id
    }

    /// A creation that begins and fails, and what is known of its cause then.
    async fn fail(conn: &mut Conn, cause: &str, retry_after: Option<Duration>) -> CreationFailure {
        let id = begun(conn).await;
        record(conn, &id, &failed(cause, retry_after))
            .await
            .unwrap();
        run(conn, "DELETE FROM instances").await;
        known(conn, cause).await
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
        let mut conn = conn().await;
        assert_eq!(allowance(&mut conn).await.unwrap(), u32::MAX);
        let pauses = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300];
        for (in_a_row, seconds) in (1..).zip(pauses) {
            let known = fail(&mut conn, "quota", None).await;
            assert_eq!(
                (known.failures_in_a_row, pause(&known)),
                (in_a_row, seconds)
            );
            assert_eq!(allowance(&mut conn).await.unwrap(), 0);
            run(&mut conn, "UPDATE creation_failures SET retry_at = now()").await;
            assert_eq!(allowance(&mut conn).await.unwrap(), 1);
        }
        let other = fail(&mut conn, "down", None).await;
        assert_eq!((other.failures_in_a_row, pause(&other)), (1, 1));
        assert_eq!(known(&mut conn, "quota").await.failures_in_a_row, 11);
        assert_eq!(
            allowance(&mut conn).await.unwrap(),
            0,
            "one pause is enough"
        );
    }

    #[tokio::test]
    async fn after_a_pause_one_tries_and_no_other_until_it_ends() {
        let mut conn = conn().await;
        fail(&mut conn, "quota", None).await;
        run(&mut conn, "UPDATE creation_failures SET retry_at = now()").await;
        begun(&mut conn).await;
        assert_eq!(allowance(&mut conn).await.unwrap(), 0);
        run(&mut conn, "UPDATE instances SET lease_expires_at = now()").await;
        assert_eq!(allowance(&mut conn).await.unwrap(), 1, "its creator died");
    }

    #[tokio::test]
    async fn what_a_vendor_asks_for_is_waited_for() {
        let mut conn = conn().await;
        let minute = Some(Duration::from_mins(1));
        for in_a_row in 1..3 {
            let known = fail(&mut conn, "quota", minute).await;
            assert_eq!((known.failures_in_a_row, pause(&known)), (in_a_row, 60));
        }
    }

    #[tokio::test]
    async fn a_pause_that_is_over_is_forgotten_where_nobody_waits() {
        let mut conn = conn().await;
        fail(&mut conn, "quota", None).await;
        run(&mut conn, "UPDATE creation_failures SET retry_at = now()").await;
        let waiter = "INSERT INTO claim_waiters (lease_expires_at) VALUES (now() + interval '1 m')";
        run(&mut conn, waiter).await;
        forget_paused(&mut conn).await.unwrap();
        assert_eq!(load(&mut conn).await.unwrap().len(), 1);
        run(
            &mut conn,
            "UPDATE claim_waiters SET lease_expires_at = now()",
        )
        .await;
        forget_paused(&mut conn).await.unwrap();
        assert_eq!(load(&mut conn).await.unwrap(), []);
    }

    #[tokio::test]
    async fn failures_side_by_side_count_once_and_a_success_ends_them() {
        let mut conn = conn().await;
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
        assert!(pause(&known) >= 60, "the longer wait is kept");
        forget_paused(&mut conn).await.unwrap();
        assert_eq!(load(&mut conn).await.unwrap().len(), 1, "its pause goes on");
        forget_all(&mut conn).await.unwrap();
        assert_eq!(load(&mut conn).await.unwrap(), []);
    }
}
