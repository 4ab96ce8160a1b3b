//! Table `original.adoption`: it exists once everything is adopted.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Int8, Jsonb, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::json;

use super::Outcome;
use crate::db::DbError;

#[derive(QueryableByName)]
struct Regclass {
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
}

#[derive(QueryableByName)]
struct Record {
    #[diesel(sql_type = Timestamptz)]
    adopted_at: DateTime<Utc>,
}

/// When the rows of the original were adopted; `None` if they were not.
///
/// # Errors
/// The database cannot be read.
pub async fn find_adoption(conn: &mut AsyncPgConnection) -> Result<Option<DateTime<Utc>>, DbError> {
    let query = "SELECT to_regclass('original.adoption')::text AS name";
    let Regclass { name } = diesel::sql_query(query).get_result(conn).await?;
    if name.is_none() {
        return Ok(None);
    }
    let query = "SELECT adopted_at FROM original.adoption";
    let records: Vec<Record> = diesel::sql_query(query).load(conn).await?;
    Ok(records.into_iter().next().map(|record| record.adopted_at))
}

/// Records that the rows are adopted. To be called in the transaction that inserts them.
///
/// # Errors
/// They are adopted already, or the database cannot be changed.
pub async fn record_adoption(
    conn: &mut AsyncPgConnection,
    outcome: &Outcome,
) -> Result<(), DbError> {
    conn.batch_execute(
        "CREATE SCHEMA IF NOT EXISTS original;
         CREATE TABLE original.adoption (
             adopted_at timestamptz NOT NULL DEFAULT now(),
             adopted bigint NOT NULL,
             left_aside jsonb NOT NULL)",
    )
    .await?;
    diesel::sql_query("INSERT INTO original.adoption (adopted, left_aside) VALUES ($1, $2)")
        .bind::<Int8, _>(i64::from(outcome.adopted()))
        .bind::<Jsonb, _>(json!(outcome.left_aside()))
        .execute(conn)
        .await?;
    Ok(())
}
