//! Table `original.adoption`: it exists once everything is adopted.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Int8, Jsonb, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::{Value, json};

use super::{Outcome, SkippedRow};
use crate::db::DbError;

/// The record of an adoption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdoptionRecord {
    /// When it was applied.
    pub adopted_at: DateTime<Utc>,
    /// Number of adopted rows.
    pub adopted: u64,
    /// The rows that were not adopted.
    pub skipped: Vec<SkippedRow>,
}

#[derive(QueryableByName)]
struct Regclass {
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Timestamptz)]
    adopted_at: DateTime<Utc>,
    #[diesel(sql_type = Int8)]
    adopted: i64,
    #[diesel(sql_type = Jsonb)]
    left_aside: Value,
}

impl TryFrom<Row> for AdoptionRecord {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let skipped = serde_json::from_value(row.left_aside);
        Ok(Self {
            adopted_at: row.adopted_at,
            adopted: row.adopted.unsigned_abs(),
            skipped: skipped.map_err(|error| DbError::CorruptRow {
                table: "original.adoption",
                key: row.adopted_at.to_string(),
                problem: error.to_string(),
            })?,
        })
    }
}

/// The record of the adoption; `None` if nothing was adopted.
///
/// # Errors
/// The database cannot be read.
pub async fn find_adoption(
    conn: &mut AsyncPgConnection,
) -> Result<Option<AdoptionRecord>, DbError> {
    let query = "SELECT to_regclass('original.adoption')::text AS name";
    let Regclass { name } = diesel::sql_query(query).get_result(conn).await?;
    if name.is_none() {
        return Ok(None);
    }
    let query = "SELECT adopted_at, adopted, left_aside FROM original.adoption";
    let rows: Vec<Row> = diesel::sql_query(query).load(conn).await?;
    let row = rows.into_iter().next();
    row.map(AdoptionRecord::try_from).transpose()
}

/// Records that the rows are adopted. Call it in the transaction that inserts them.
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
        .bind::<Jsonb, _>(json!(outcome.skipped()))
        .execute(conn)
        .await?;
    Ok(())
}
