//! A look at a database that changes nothing, for who wants to know whether a service can start on it.

use std::collections::BTreeSet;

use diesel::QueryableByName;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use diesel_migrations::EmbeddedMigrations;

use super::connect::connect;
use super::{DatabaseUrl, DbError};

/// What a database is, and how far its schema is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The server's version, such as `17.2`.
    pub server_version: String,
    /// The migrations that it does not have yet, in order.
    pub pending: Vec<String>,
    /// The versions of those that it has, and this build does not: a newer one was here.
    pub unknown: Vec<String>,
}

#[derive(QueryableByName)]
struct Server {
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Bool)]
    migrated: bool,
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

/// Looks at the database of `url`, to which `migrations` belong. Diesel's own harness would make its
/// table where there is none.
///
/// # Errors
/// The database cannot be reached, or refuses to be read.
pub async fn inspect(
    url: &DatabaseUrl,
    migrations: EmbeddedMigrations,
) -> Result<Inspection, DbError> {
    let mut conn = connect(url).await?;
    let server: Server = diesel::sql_query(
        "SELECT split_part(current_setting('server_version'), ' ', 1) AS version,
                to_regclass('__diesel_schema_migrations') IS NOT NULL AS migrated",
    )
    .get_result(&mut conn)
    .await?;
    let applied = if server.migrated {
        applied(&mut conn).await?
    } else {
        BTreeSet::new()
    };
    let known: Vec<Box<dyn Migration<Pg>>> = migrations.migrations().map_err(DbError::Migration)?;
    let version = |it: &dyn Migration<Pg>| it.name().version().to_string();
    let versions: BTreeSet<String> = known.iter().map(|it| version(&**it)).collect();
    let pending = known
        .iter()
        .filter(|it| !applied.contains(&version(&***it)));
    let mut pending: Vec<String> = pending.map(|it| it.name().to_string()).collect();
    pending.sort();
    Ok(Inspection {
        server_version: server.version,
        pending,
        unknown: applied.difference(&versions).cloned().collect(),
    })
}

async fn applied(conn: &mut AsyncPgConnection) -> Result<BTreeSet<String>, DbError> {
    let query = diesel::sql_query("SELECT version FROM __diesel_schema_migrations");
    let rows: Vec<Applied> = query.load(conn).await?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}
