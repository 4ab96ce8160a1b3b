//! What became of the instances that one statement moved.
//!
//! All entries that a statement or a transaction writes to the lifecycle log have one time, to the
//! microsecond: so a cause and a time name a batch, and nothing more has to be kept of it.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::Status;
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Int8, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::db::parse_status;
use crate::db::schema::instance_events;
use crate::lifecycle::Cause;

/// When an instance last moved for this cause; `None` where the log has nothing of it.
pub(in crate::dashboard) async fn moved_at(
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

/// How many of a batch have a status now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dashboard) struct Fate {
    /// `None`: they are gone.
    pub(in crate::dashboard) status: Option<Status>,
    pub(in crate::dashboard) number: u32,
}

#[derive(Debug, QueryableByName)]
struct FateRow {
    #[diesel(sql_type = Nullable<Text>)]
    status: Option<String>,
    #[diesel(sql_type = Int8)]
    number: i64,
}

/// What those are now that moved at that time for this cause.
pub(in crate::dashboard) async fn fates(
    conn: &mut AsyncPgConnection,
    cause: Cause,
    at: DateTime<Utc>,
) -> Result<Vec<Fate>, DbError> {
    // Diesel joins no tables without a foreign key.
    let rows: Vec<FateRow> = sql_query(
        "SELECT instances.status, count(*) AS number
         FROM instance_events LEFT JOIN instances ON instances.id = instance_events.instance_id
         WHERE at = $1 AND cause = $2 GROUP BY instances.status",
    )
    .bind::<Timestamptz, _>(at)
    .bind::<Text, _>(cause.as_str())
    .load(conn)
    .await?;
    let fate = |row: FateRow| {
        let status = row.status.map(|word| parse_status("(batch)", &word));
        Ok(Fate {
            status: status.transpose()?,
            number: u32::try_from(row.number).unwrap_or(u32::MAX),
        })
    };
    rows.into_iter().map(fate).collect()
}

#[cfg(test)]
mod tests {
    use agent_pool_service_kit::testing::fresh_database;

    use super::*;
    use crate::db::MIGRATIONS;
    use crate::db::instances::drain_oldest_idle;

    #[tokio::test]
    async fn a_batch_is_followed_by_its_cause_and_time_alone() {
        let database = fresh_database(MIGRATIONS, "pool").await;
        let mut conn = database.db().conn().await.unwrap();
        let insert = "INSERT INTO instances (id, name, status, url)
             SELECT 'instance-00' || n, n::text, 'idle', 'http://h/' FROM generate_series(1, 5) n";
        sql_query(insert).execute(&mut conn).await.unwrap();
        let other = drain_oldest_idle(&mut conn, 1).await.unwrap();
        let drained = drain_oldest_idle(&mut conn, 3).await.unwrap();
        let delete = format!("DELETE FROM instances WHERE id = '{}'", drained[0]);
        sql_query(delete).execute(&mut conn).await.unwrap();
        let at = moved_at(&mut conn, &drained[2], Cause::Drained)
            .await
            .unwrap();
        let mut fates = fates(&mut conn, Cause::Drained, at.unwrap()).await.unwrap();
        fates.sort_by_key(|fate| fate.number);
        let expected = [(None, 1), (Some(Status::Destroying), 2)];
        let expected = expected.map(|(status, number)| Fate { status, number });
        assert_eq!(fates, expected);
        let healthy = moved_at(&mut conn, &other[0], Cause::Healthy)
            .await
            .unwrap();
        assert_eq!(healthy, None);
    }
}
