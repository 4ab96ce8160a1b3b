//! Table `vendor_notices`: the webhooks of vendors that any replica has received.
//!
//! The statements are `sql_query`, because Diesel has no interval parameters, and no INSERT after a DELETE in one
//! statement.

use std::time::Duration;

use agent_pool_core::{InfraId, VendorNotice};
use agent_pool_service_kit::db::DbError;
use diesel::sql_types::{Double, Nullable, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// How long a notice is stored: vendors repeat one for a few hours at most.
const KEEP_DAYS: i32 = 2;
/// Longest part of a notice's id that is compared, in characters.
const LONGEST_ID: i32 = 200;

/// Stores a notice. Returns whether no replica has received it before.
pub(crate) async fn insert(
    conn: &mut AsyncPgConnection,
    infra: &InfraId,
    notice: &VendorNotice,
) -> Result<bool, DbError> {
    let rows = sql_query(format!(
        "WITH old AS (
             DELETE FROM vendor_notices WHERE infra_id = $1 AND seen_at < now() - interval '{KEEP_DAYS} days')
         INSERT INTO vendor_notices (infra_id, notice_id) VALUES ($1, left($2, {LONGEST_ID}))
         ON CONFLICT DO NOTHING"
    ))
    .bind::<Text, _>(infra.as_str())
    .bind::<Text, _>(&notice.id)
    .execute(conn)
    .await?;
    Ok(rows > 0)
}

#[derive(Debug, QueryableByName)]
struct AgeRow {
    #[diesel(sql_type = Nullable<Double>)]
    seconds: Option<f64>,
}

/// How long ago the last notice of an infra was received; `None` if none is stored.
pub(crate) async fn last_age(
    conn: &mut AsyncPgConnection,
    infra: &InfraId,
) -> Result<Option<Duration>, DbError> {
    let row: AgeRow = sql_query(
        "SELECT extract(epoch FROM clock_timestamp() - max(seen_at))::float8 AS seconds
         FROM vendor_notices WHERE infra_id = $1",
    )
    .bind::<Text, _>(infra.as_str())
    .get_result(conn)
    .await?;
    Ok(row
        .seconds
        .map(|seconds| Duration::from_secs_f64(seconds.max(0.0))))
}

#[cfg(test)]
mod tests {
    use agent_pool_service_kit::testing::fresh_database;

    use super::*;
    use crate::db::MIGRATIONS;

    #[tokio::test]
    async fn a_notice_that_comes_twice_is_recognised_and_an_old_one_is_forgotten() {
        let database = fresh_database(MIGRATIONS, "services").await;
        let mut conn = database.db().conn().await.unwrap();
        let (acme, other) = ("acme".parse().unwrap(), "other".parse().unwrap());
        let notice = VendorNotice::new("crashed 1");
        assert_eq!(last_age(&mut conn, &acme).await.unwrap(), None);
        for (infra, fresh) in [(&acme, true), (&acme, false), (&other, true)] {
            assert_eq!(insert(&mut conn, infra, &notice).await.unwrap(), fresh);
        }
        let age = last_age(&mut conn, &acme).await.unwrap().unwrap();
        assert!(age < Duration::from_mins(5), "{age:?}");
        sql_query("UPDATE vendor_notices SET seen_at = now() - interval '3 days'")
            .execute(&mut conn)
            .await
            .unwrap();
        let second = VendorNotice::new("crashed 2");
        assert!(insert(&mut conn, &acme, &second).await.unwrap());
        assert!(
            insert(&mut conn, &acme, &notice).await.unwrap(),
            "it was forgotten, and costs a look"
        );
    }
}
