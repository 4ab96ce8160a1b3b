//! Table `claim_refusals`: requests that used up an instance by a fault of their own.
//!
//! They are `sql_query`, because Diesel has no `sha256`.

use std::time::Duration;

use agent_pool_core::wire::problem::Problem;
use agent_pool_service_kit::db::DbError;
use diesel::result::OptionalExtension;
use diesel::sql_types::{Double, Jsonb, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

#[derive(Debug, QueryableByName)]
struct Row {
    #[diesel(sql_type = Jsonb)]
    problem: Value,
    #[diesel(sql_type = Double)]
    seconds_left: f64,
}

/// What a request was refused with, and how long that holds.
pub(crate) async fn find(
    conn: &mut AsyncPgConnection,
    request: &str,
) -> Result<Option<Problem>, DbError> {
    let row: Option<Row> = sql_query(
        "SELECT problem, extract(epoch FROM expires_at - now())::float8 AS seconds_left
         FROM claim_refusals
         WHERE request_hash = sha256(convert_to($1, 'UTF8')) AND expires_at > now()",
    )
    .bind::<Text, _>(request)
    .get_result(conn)
    .await
    .optional()?;
    row.map(|row| {
        let problem: Problem =
            serde_json::from_value(row.problem).map_err(|error| DbError::CorruptRow {
                table: "claim_refusals",
                key: "a request's hash".to_owned(),
                problem: error.to_string(),
            })?;
        let left = Duration::try_from_secs_f64(row.seconds_left).unwrap_or_default();
        Ok(problem.with_retry_after(left))
    })
    .transpose()
}

/// Refuses a request with `problem` for as long as `lasts`. Refusals that have expired are deleted.
pub(crate) async fn insert(
    conn: &mut AsyncPgConnection,
    request: &str,
    problem: &Problem,
    lasts: Duration,
) -> Result<(), DbError> {
    let problem = serde_json::to_value(problem).expect("a wire type is a JSON object");
    sql_query("DELETE FROM claim_refusals WHERE expires_at <= now()")
        .execute(conn)
        .await?;
    sql_query(
        "INSERT INTO claim_refusals (request_hash, problem, expires_at)
         VALUES (sha256(convert_to($1, 'UTF8')), $2, now() + make_interval(secs => $3))
         ON CONFLICT (request_hash) DO UPDATE
         SET problem = excluded.problem, expires_at = excluded.expires_at",
    )
    .bind::<Text, _>(request)
    .bind::<Jsonb, _>(problem)
    .bind::<Double, _>(lasts.as_secs_f64())
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use agent_pool_core::wire::problem::ProblemCode;
    use agent_pool_service_kit::testing::fresh_database;

    use super::*;
    use crate::db::MIGRATIONS;

    const MINUTE: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn a_refusal_holds_for_its_request_until_it_expires() {
        let database = fresh_database(MIGRATIONS, "pool").await;
        let db = database.db();
        let mut conn = db.conn().await.unwrap();
        let problem = Problem::new(ProblemCode::JoinFailed, "no such conversation");
        insert(&mut conn, "link", &problem, MINUTE).await.unwrap();
        insert(&mut conn, "old", &problem, Duration::ZERO)
            .await
            .unwrap();
        let found = find(&mut conn, "link").await.unwrap().unwrap();
        assert_eq!(found.code, ProblemCode::JoinFailed);
        assert!(found.retry_after.unwrap() <= MINUTE);
        assert_eq!(find(&mut conn, "old").await.unwrap(), None);
        assert_eq!(find(&mut conn, "other").await.unwrap(), None);
    }
}
