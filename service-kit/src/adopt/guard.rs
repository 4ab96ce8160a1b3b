//! A service does not start on a database whose rows of the original are not adopted yet.

use diesel::QueryableByName;
use diesel::sql_types::{Array, Text};
use diesel_async::RunQueryDsl;

use super::{SCHEMA, find_adoption};
use crate::db::connect::connect;
use crate::db::{DatabaseSettings, DatabaseUrl, DbError};

/// Why a service does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAdopted {
    /// The original has made tables in the database.
    #[error(
        "the database has tables of the Node.js original ({0}) that are not adopted: `{1} adopt` shows what it would \
         do with them, and `{1} adopt --apply` does it (docs/moving-in.md). For a new fleet, use an empty database"
    )]
    Here(String, &'static str),
    /// The tables of the original are in another database.
    #[error(
        "ORIGINAL_DATABASE_URL is set, and its tables are not adopted: `{0} adopt` shows what it would do with them, \
         and `{0} adopt --apply` does it (docs/moving-in.md)"
    )]
    Elsewhere(&'static str),
    #[error(transparent)]
    Database(#[from] DbError),
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

/// Fails if the database of `service` has any of `tables` from the original, or is to have their rows, and they are not
/// adopted.
pub(crate) async fn require_adopted(
    direct: &DatabaseUrl,
    settings: &DatabaseSettings,
    service: &'static str,
    tables: &[&str],
) -> Result<(), NotAdopted> {
    let mut conn = connect(direct).await?;
    let query = diesel::sql_query(
        "SELECT DISTINCT tablename::text AS name FROM pg_tables
         WHERE tablename = ANY ($1) AND (schemaname = $2 OR (
             schemaname = current_schema() AND to_regclass('__diesel_schema_migrations') IS NULL))
         ORDER BY name",
    );
    let query = query.bind::<Array<Text>, _>(tables).bind::<Text, _>(SCHEMA);
    let found: Vec<Name> = query.load(&mut conn).await.map_err(DbError::from)?;
    if found.is_empty() && settings.original_url.is_none() {
        return Ok(());
    }
    if find_adoption(&mut conn).await?.is_some() {
        return Ok(());
    }
    if found.is_empty() {
        return Err(NotAdopted::Elsewhere(service));
    }
    let names: Vec<String> = found.into_iter().map(|Name { name }| name).collect();
    Err(NotAdopted::Here(names.join(", "), service))
}
