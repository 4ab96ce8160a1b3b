//! Table `claim_refusals`: requests that used up an instance through their own fault.
//!
//! They use `sql_query` because they compute with intervals.

use std::time::Duration;

use agent_pool_core::wire::problem::Problem;
use agent_pool_service_kit::cipher::Cipher;
use agent_pool_service_kit::db::DbError;
use diesel::result::OptionalExtension;
use diesel::sql_types::{Array, Binary, Double, Jsonb, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

use super::sealed::Column;

#[derive(Debug, QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    owner: String,
    #[diesel(sql_type = Jsonb)]
    problem: Value,
    #[diesel(sql_type = Double)]
    seconds_left: f64,
}

/// The problem with which a request was refused, and how long that holds.
pub(crate) async fn find(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
    request: &str,
) -> Result<Option<Problem>, DbError> {
    let row: Option<Row> = sql_query(
        "SELECT encode(request_hash, 'hex') AS owner, problem, extract(epoch FROM expires_at - now())::float8 AS seconds_left
         FROM claim_refusals
         WHERE request_hash = ANY($1) AND expires_at > now()
         ORDER BY expires_at DESC LIMIT 1",
    )
    .bind::<Array<Binary>, _>(cipher.fingerprints(request))
    .get_result(conn)
    .await
    .optional()?;
    row.map(|row| {
        let problem: Problem = Column::REFUSAL.open_json(cipher, &row.owner, row.problem)?;
        let left = Duration::try_from_secs_f64(row.seconds_left).unwrap_or_default();
        Ok(problem.with_retry_after(left))
    })
    .transpose()
}

/// Stores that a request is refused with `problem` for the time `lasts`. Expired refusals are deleted.
pub(crate) async fn insert(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
    request: &str,
    problem: &Problem,
    lasts: Duration,
) -> Result<(), DbError> {
    let hash = cipher.fingerprint(request);
    let row: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let problem = Column::REFUSAL.seal_json(cipher, &row, problem)?;
    sql_query("DELETE FROM claim_refusals WHERE expires_at <= now()")
        .execute(conn)
        .await?;
    sql_query(
        "INSERT INTO claim_refusals (request_hash, problem, expires_at)
         VALUES ($1, $2, now() + make_interval(secs => $3))
         ON CONFLICT (request_hash) DO UPDATE
         SET problem = excluded.problem, expires_at = excluded.expires_at",
    )
    .bind::<Binary, _>(hash)
    .bind::<Jsonb, _>(problem)
    .bind::<Double, _>(lasts.as_secs_f64())
    .execute(conn)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use agent_pool_core::wire::problem::ProblemCode;

    use super::*;
    use crate::db::test_database::fresh_conn;

    const MINUTE: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn a_refusal_holds_for_its_request_until_it_expires() {
        let mut conn = fresh_conn().await;
        let problem = Problem::new(ProblemCode::JoinFailed, "no such conversation");
        let cipher = Cipher::read("KEY", None).unwrap();
        insert(&mut conn, &cipher, "link", &problem, MINUTE)
            .await
            .unwrap();
        insert(&mut conn, &cipher, "old", &problem, Duration::ZERO)
            .await
            .unwrap();
        let found = find(&mut conn, &cipher, "link").await.unwrap().unwrap();
        assert_eq!(found.code, ProblemCode::JoinFailed);
        assert!(found.retry_after.unwrap() <= MINUTE);
        assert_eq!(find(&mut conn, &cipher, "old").await.unwrap(), None);
        assert_eq!(find(&mut conn, &cipher, "other").await.unwrap(), None);
    }
}
