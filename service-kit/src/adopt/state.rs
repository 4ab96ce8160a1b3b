//! Whether a database has tables of the original, and whether their rows are adopted.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{AdoptionRecord, SCHEMA, find_adoption};
use crate::db::connect::connect;
use crate::db::{DatabaseUrl, DbError};

/// The state of the adoption of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdoptionState {
    /// It has nothing of the original.
    NothingThere,
    /// It has these tables of the original, and their rows are not adopted.
    Pending(Vec<String>),
    /// The rows of the original are adopted.
    Complete(AdoptionRecord),
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Inspects the database of a service, in which the original may have `tables` of its own.
///
/// # Errors
/// The database cannot be read.
pub async fn inspect_adoption(
    url: &DatabaseUrl,
    tables: &[&str],
) -> Result<AdoptionState, DbError> {
    find_state(&mut connect(url).await?, tables).await
}

pub(super) async fn find_state(
    conn: &mut AsyncPgConnection,
    tables: &[&str],
) -> Result<AdoptionState, DbError> {
    if let Some(record) = find_adoption(conn).await? {
        return Ok(AdoptionState::Complete(record));
    }
    let query = diesel::sql_query(
        "SELECT DISTINCT tablename::text AS name FROM pg_tables
         WHERE tablename = ANY ($1) AND (schemaname = $2 OR (
             schemaname = current_schema() AND to_regclass('__diesel_schema_migrations') IS NULL))
         ORDER BY name",
    );
    let query = query.bind::<Array<Text>, _>(tables).bind::<Text, _>(SCHEMA);
    let found: Vec<Name> = query.load(conn).await?;
    if found.is_empty() {
        return Ok(AdoptionState::NothingThere);
    }
    let names = found.into_iter().map(|Name { name }| name);
    Ok(AdoptionState::Pending(names.collect()))
}
