//! Statistics from the lifecycle log over equal slices of time.
//!
//! All use `sql_query`, because Diesel has neither `width_bucket` nor percentiles.

use std::time::Duration;

use agent_pool_core::wire::pool::Status;
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::sql_types::{Double, Int4, Int8, Nullable, Text, Timestamptz};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::db::row::parse_status;
use crate::lifecycle::Cause;

/// A period of time, divided into equal slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dashboard) struct Period {
    pub(in crate::dashboard) until: DateTime<Utc>,
    pub(in crate::dashboard) span: Duration,
    pub(in crate::dashboard) slices: u16,
}

/// The change in the number of instances of one status in one slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dashboard) struct StatusChange {
    /// 0 is the oldest.
    pub(in crate::dashboard) slice: usize,
    pub(in crate::dashboard) status: Status,
    pub(in crate::dashboard) by: i64,
}

/// Durations of what ended in a period.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::dashboard) struct DurationStats {
    /// Of the slices in which something ended; 0 is the oldest.
    pub(in crate::dashboard) slices: Vec<(usize, Percentiles)>,
    /// Of the whole period; `None` if nothing ended.
    pub(in crate::dashboard) overall: Option<Percentiles>,
}

/// Percentiles of durations, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::dashboard) struct Percentiles {
    /// The number of durations.
    pub(in crate::dashboard) number: i64,
    /// The 50th percentile.
    pub(in crate::dashboard) median: f64,
    /// The 95th percentile.
    pub(in crate::dashboard) p95: f64,
}

/// The slice of `at`, starting at 1. Later times, by the database's clock, count to the last slice.
const SLICE: &str = "least($2, width_bucket(
    extract(epoch FROM at)::float8, extract(epoch FROM $3)::float8 - $1,
    extract(epoch FROM $3)::float8, $2))";

#[derive(Debug, QueryableByName)]
struct StatusChangeRow {
    #[diesel(sql_type = Int4)]
    slice: i32,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Int8)]
    by: i64,
}

/// The changes of all slices that have any.
pub(in crate::dashboard) async fn load_changes(
    conn: &mut AsyncPgConnection,
    period: Period,
) -> Result<Vec<StatusChange>, DbError> {
    let rows: Vec<StatusChangeRow> = sql_query(format!(
        "SELECT slice, status, sum(by)::int8 AS by
         FROM (SELECT {SLICE} AS slice, from_status, to_status FROM instance_events
               WHERE at > $3 - make_interval(secs => $1)) AS moved,
              LATERAL (VALUES (from_status, -1), (to_status, 1)) AS change (status, by)
         WHERE status IS NOT NULL
         GROUP BY slice, status"
    ))
    .bind::<Double, _>(period.span.as_secs_f64())
    .bind::<Int4, _>(i32::from(period.slices))
    .bind::<Timestamptz, _>(period.until)
    .load(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(StatusChange {
                slice: zero_based(row.slice),
                status: parse_status("(log)", &row.status)?,
                by: row.by,
            })
        })
        .collect()
}

#[derive(Debug, QueryableByName)]
struct PercentilesRow {
    /// Null: the whole period.
    #[diesel(sql_type = Nullable<Int4>)]
    slice: Option<i32>,
    #[diesel(sql_type = Int8)]
    number: i64,
    #[diesel(sql_type = Double)]
    median: f64,
    #[diesel(sql_type = Double)]
    p95: f64,
}

/// Durations from an event with one cause to the next event with another.
pub(in crate::dashboard) async fn load_durations(
    conn: &mut AsyncPgConnection,
    period: Period,
    (from, to): (Cause, Cause),
) -> Result<DurationStats, DbError> {
    let rows: Vec<PercentilesRow> = sql_query(format!(
        "SELECT slice, count(*) AS number,
                percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS median,
                percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds) AS p95
         FROM (SELECT {SLICE} AS slice, extract(epoch FROM at - begun_at)::float8 AS seconds
               FROM instance_events AS ended,
                    LATERAL (SELECT at AS begun_at FROM instance_events AS begun
                             WHERE begun.instance_id = ended.instance_id AND begun.id < ended.id
                               AND begun.cause = $4
                             ORDER BY begun.id DESC LIMIT 1) AS begun
               WHERE at > $3 - make_interval(secs => $1) AND cause = $5) AS stats
         GROUP BY GROUPING SETS ((slice), ()) HAVING count(*) > 0 ORDER BY slice"
    ))
    .bind::<Double, _>(period.span.as_secs_f64())
    .bind::<Int4, _>(i32::from(period.slices))
    .bind::<Timestamptz, _>(period.until)
    .bind::<Text, _>(from.as_str())
    .bind::<Text, _>(to.as_str())
    .load(conn)
    .await?;
    let mut stats = DurationStats::default();
    for row in rows {
        let took = Percentiles {
            number: row.number,
            median: row.median,
            p95: row.p95,
        };
        match row.slice {
            Some(slice) => stats.slices.push((zero_based(slice), took)),
            None => stats.overall = Some(took),
        }
    }
    Ok(stats)
}

fn zero_based(slice: i32) -> usize {
    usize::try_from(slice.saturating_sub(1)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use agent_pool_service_kit::db::Conn;
    use diesel_async::AsyncConnection;

    use super::*;
    use crate::db::test_database::{fresh_conn, run};

    fn hour() -> Period {
        Period {
            until: Utc::now(),
            span: Duration::from_hours(1),
            slices: 6,
        }
    }

    /// Two instances, each with the ages in seconds at which it was starting, idle, claiming and claimed. All are
    /// inserted in one transaction, so that `now()` is the same for all.
    async fn conn() -> Conn {
        let mut conn = fresh_conn().await;
        conn.begin_test_transaction().await.unwrap();
        for (id, ages) in [
            ("one", [3_500, 3_490, 100, 98]),
            ("other", [9_000, 8_970, 90, 84]),
        ] {
            let moves = [
                ("NULL", "'starting'", "warm_up"),
                ("'starting'", "'idle'", "healthy"),
                ("'idle'", "'claiming'", "claim"),
                ("'claiming'", "'claimed'", "provisioned"),
            ];
            for ((from, to, cause), age) in moves.into_iter().zip(ages) {
                let insert = format!(
                    "INSERT INTO instance_events (instance_id, from_status, to_status, cause, at)
                     VALUES ('{id}', {from}, {to}, '{cause}', now() - interval '{age} s')"
                );
                run(&mut conn, &insert).await;
            }
        }
        conn
    }

    #[tokio::test]
    async fn changes_are_netted_by_slice_and_what_is_older_is_left_out() {
        let mut conn = conn().await;
        let mut changes = load_changes(&mut conn, hour()).await.unwrap();
        changes.sort_by_key(|change| (change.slice, change.status));
        let listed: Vec<_> = changes
            .iter()
            .filter(|change| change.by != 0)
            .map(|change| (change.slice, change.status, change.by))
            .collect();
        let expected = [
            (0, Status::Idle, 1),
            (5, Status::Idle, -2),
            (5, Status::Claimed, 2),
        ];
        assert_eq!(listed, expected);
    }

    #[tokio::test]
    async fn durations_are_between_the_two_moves_of_one_instance() {
        let mut conn = conn().await;
        let claims = (Cause::Claim, Cause::Provisioned);
        let claims = load_durations(&mut conn, hour(), claims).await.unwrap();
        let [(5, last)] = claims.slices[..] else {
            panic!("both ended in the last slice: {claims:?}")
        };
        assert_eq!((last.number, claims.overall), (2, Some(last)));
        assert!((last.median - 4.0).abs() < 0.01, "{claims:?}");
        assert!((last.p95 - 5.8).abs() < 0.01, "{claims:?}");
        let warm = (Cause::WarmUp, Cause::Healthy);
        let warm = load_durations(&mut conn, hour(), warm).await.unwrap();
        assert_eq!((warm.slices.len(), warm.slices[0].0), (1, 0));
        assert!((warm.slices[0].1.median - 10.0).abs() < 0.01, "{warm:?}");
        let never = (Cause::Claim, Cause::Drained);
        assert_eq!(
            load_durations(&mut conn, hour(), never).await.unwrap(),
            DurationStats::default()
        );
    }
}
