//! The instances that one operation changed together.
//!
//! All events of one transaction have the same time, to the microsecond. So a cause and a time identify
//! a batch, and nothing else has to be stored.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::Status;
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Int8, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::db::row::parse_status;
use crate::db::schema::instance_events;
use crate::lifecycle::Cause;

/// The time of the last event of an instance with this cause, if the log has one.
pub(in crate::dashboard) async fn find_time(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
    cause: Cause,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let last = instance_events::table
        .filter(instance_events::instance_id.eq(id.as_str()))
        .filter(instance_events::cause.eq(cause.as_str()))
        .order(instance_events::id.desc())
        .select(instance_events::at);
    Ok(last.first(conn).await.optional()?)
}

/// How many instances of a batch have a status now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dashboard) struct StatusCount {
    /// `None`: destroyed.
    pub(in crate::dashboard) status: Option<Status>,
    pub(in crate::dashboard) number: u32,
}

#[derive(Debug, QueryableByName)]
struct CountRow {
    #[diesel(sql_type = Nullable<Text>)]
    status: Option<String>,
    #[diesel(sql_type = Int8)]
    number: i64,
}

/// Counts the instances of a batch by their present status.
pub(in crate::dashboard) async fn count_by_status(
    conn: &mut AsyncPgConnection,
    cause: Cause,
    at: DateTime<Utc>,
) -> Result<Vec<StatusCount>, DbError> {
    // Diesel cannot join tables without a foreign key.
    let rows: Vec<CountRow> = sql_query(
        "SELECT instances.status, count(*) AS number
         FROM instance_events LEFT JOIN instances ON instances.id = instance_events.instance_id
         WHERE at = $1 AND cause = $2 GROUP BY instances.status",
    )
    .bind::<Timestamptz, _>(at)
    .bind::<Text, _>(cause.as_str())
    .load(conn)
    .await?;
    let count = |row: CountRow| {
        let status = row.status.map(|word| parse_status("(batch)", &word));
        Ok(StatusCount {
            status: status.transpose()?,
            number: u32::try_from(row.number).unwrap_or(u32::MAX),
        })
    };
    rows.into_iter().map(count).collect()
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::db::instances::drain_oldest_idle;
    use crate::db::test_database::{fresh_conn, run};

    #[tokio::test]
    async fn a_batch_is_followed_by_its_cause_and_time_alone() {
        let mut conn = fresh_conn().await;
        let insert = "INSERT INTO instances (id, name, status, url)
             SELECT 'instance-00' || n, n::text, 'idle', 'http://h/' FROM generate_series(1, 5) n";
        run(&mut conn, insert).await;
        let other = drain_oldest_idle(&mut conn, None, 1).await.unwrap();
        let drained = drain_oldest_idle(&mut conn, None, 3).await.unwrap();
        let delete = format!("DELETE FROM instances WHERE id = '{}'", drained[0]);
        run(&mut conn, &delete).await;
        let at = find_time(&mut conn, &drained[2], Cause::Drained)
            .await
            .unwrap();
        let mut counts = count_by_status(&mut conn, Cause::Drained, at.unwrap())
            .await
            .unwrap();
        counts.sort_by_key(|count| count.number);
        let expected = [(None, 1), (Some(Status::Destroying), 2)];
        let expected = expected.map(|(status, number)| StatusCount { status, number });
        assert_eq!(counts, expected);
        let healthy = find_time(&mut conn, &other[0], Cause::Healthy)
            .await
            .unwrap();
        assert_eq!(healthy, None);
    }
}
