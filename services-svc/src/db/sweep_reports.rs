//! Table `sweep_reports`: the report of the last sweep of each environment. Time is the database's.

use std::time::Duration;

use agent_pool_core::EnvironmentName;
use agent_pool_core::wire::services::SweepReport;
use agent_pool_service_kit::db::DbError;
use diesel::dsl::{exists, now, select};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

use super::schema::sweep_reports::dsl;

/// Saves a report in place of the previous one.
pub(crate) async fn save(
    conn: &mut AsyncPgConnection,
    environment: &EnvironmentName,
    report: &SweepReport,
) -> Result<(), DbError> {
    let environment = environment.to_string();
    let json = serde_json::to_value(report).map_err(|error| corrupt(&environment, &error))?;
    let changes = (dsl::swept_at.eq(now), dsl::report.eq(&json));
    diesel::insert_into(dsl::sweep_reports)
        .values((dsl::environment.eq(&environment), changes))
        .on_conflict(dsl::environment)
        .do_update()
        .set(changes)
        .execute(conn)
        .await?;
    Ok(())
}

/// The last report; `None` before the first sweep.
pub(crate) async fn find_last(
    conn: &mut AsyncPgConnection,
    environment: &EnvironmentName,
) -> Result<Option<SweepReport>, DbError> {
    let environment = environment.to_string();
    let report: Option<Value> = dsl::sweep_reports
        .find(&environment)
        .select(dsl::report)
        .first(conn)
        .await
        .optional()?;
    report
        .map(serde_json::from_value)
        .transpose()
        .map_err(|error| corrupt(&environment, &error))
}

/// Whether there was a sweep within the last `period`.
pub(crate) async fn is_recent(
    conn: &mut AsyncPgConnection,
    environment: &EnvironmentName,
    period: Duration,
) -> Result<bool, DbError> {
    let row = dsl::sweep_reports.find(environment.to_string());
    let recent = row.filter(dsl::swept_at.gt(before!(period)));
    Ok(select(exists(recent)).get_result(conn).await?)
}

fn corrupt(environment: &str, error: &serde_json::Error) -> DbError {
    DbError::CorruptRow {
        table: "sweep_reports",
        key: environment.to_owned(),
        problem: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use agent_pool_service_kit::testing::fresh_database;

    use super::*;
    use crate::db::MIGRATIONS;

    #[tokio::test]
    async fn the_last_report_of_each_environment_is_kept_whatever_vendors_say() {
        let db = fresh_database(MIGRATIONS, "services").await.db();
        let mut conn = db.conn().await.unwrap();
        let (one, two) = ("one".parse().unwrap(), "two".parse().unwrap());
        assert_eq!(find_last(&mut conn, &one).await.unwrap(), None);
        let recent = async |conn: &mut AsyncPgConnection, environment, seconds| {
            let period = Duration::from_secs(seconds);
            is_recent(conn, environment, period).await.unwrap()
        };
        assert!(!recent(&mut conn, &one, 3_600).await);
        for words in ["fine", "a \0 in it"] {
            let report = SweepReport {
                failures: BTreeMap::from([("acme".to_owned(), words.to_owned())]),
                ..SweepReport::default()
            };
            save(&mut conn, &one, &report).await.unwrap();
            assert_eq!(find_last(&mut conn, &one).await.unwrap(), Some(report));
        }
        assert!(recent(&mut conn, &one, 3_600).await);
        assert!(!recent(&mut conn, &one, 0).await);
        assert!(!recent(&mut conn, &two, 3_600).await);
        assert_eq!(find_last(&mut conn, &two).await.unwrap(), None);
    }
}
