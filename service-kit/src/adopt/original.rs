//! The tables of the original in one database.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Jsonb, Text};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::SCHEMA;
use crate::db::connect::connect;
use crate::db::{DatabaseUrl, Db, DbError};

/// How long to wait for tables in use before giving up.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '10s'";

/// The tables of the original, which are read and moved away.
pub struct Original {
    conn: AsyncPgConnection,
    schema: String,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the database of the service, from which they are moved away.
    Here,
    /// In another database, where they remain.
    Elsewhere,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Jsonb)]
    row: Value,
}

impl Original {
    /// Finds `table` of the original in the database of the service, or in the one at `elsewhere`. `None` if there is
    /// none; our own tables do not count.
    ///
    /// # Errors
    /// A database cannot be reached.
    pub async fn find(
        db: &Db,
        elsewhere: Option<&DatabaseUrl>,
        table: &str,
    ) -> Result<Option<Self>, DbError> {
        let (mut conn, place) = match elsewhere {
            Some(url) => (connect(url).await?, Place::Elsewhere),
            None => (connect(db.direct()).await?, Place::Here),
        };
        let found = diesel::sql_query(
            "SELECT schemaname::text AS name FROM pg_tables
             WHERE tablename = $1 AND (schemaname = $2 OR (
                 schemaname = current_schema() AND to_regclass('__diesel_schema_migrations') IS NULL))
             ORDER BY schemaname <> $2 LIMIT 1",
        );
        let found = found.bind::<Text, _>(table).bind::<Text, _>(SCHEMA);
        let found: Vec<Name> = found.load(&mut conn).await?;
        Ok(found.into_iter().next().map(|Name { name }| Self {
            conn,
            schema: name,
            place,
        }))
    }

    /// Every row of a table; none if there is no such table.
    ///
    /// # Errors
    /// The database cannot be read, or a row lacks a column that `T` needs.
    pub async fn rows<T: DeserializeOwned>(
        &mut self,
        table: &'static str,
    ) -> Result<Vec<T>, DbError> {
        if !self.has(table).await? {
            return Ok(Vec::new());
        }
        let name = self.qualified(table);
        // As JSON, because the columns of a table depend on the version of the original.
        let query = diesel::sql_query(format!("SELECT to_jsonb(t) AS row FROM {name} AS t"));
        let rows: Vec<Row> = query.load(&mut self.conn).await?;
        let parse = |Row { row }| {
            serde_json::from_value(row).map_err(|error| DbError::CorruptRow {
                table,
                key: "of the original".to_owned(),
                problem: error.to_string(),
            })
        };
        rows.into_iter().map(parse).collect()
    }

    /// Whether the same schema has a table of this name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn has(&mut self, table: &str) -> Result<bool, DbError> {
        let tables = self.tables().await?;
        Ok(tables.iter().any(|name| name == table))
    }

    /// A report of the original's tables and of what happens to them.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn describe(&mut self) -> Result<String, DbError> {
        let mut text = format!("Tables of the original in schema {}:\n", self.schema);
        for table in self.tables().await? {
            let name = self.qualified(&table);
            let query = format!("SELECT count(*) AS count FROM {name}");
            let Count { count } = diesel::sql_query(query).get_result(&mut self.conn).await?;
            text += &format!("  {table}: {count} rows\n");
        }
        text += match self.place {
            Place::Elsewhere => "They remain unchanged.\n",
            Place::Here if self.schema == SCHEMA => {
                "They remain unchanged, and their rows are copied.\n"
            }
            Place::Here => {
                "They are moved unchanged into the schema `original`, and their rows are copied.\n"
            }
        };
        Ok(text)
    }

    /// Moves the tables into the schema `original`, if they are in the database of the service.
    ///
    /// # Errors
    /// The database cannot be changed, or the tables are in use.
    pub async fn move_away(&mut self) -> Result<(), DbError> {
        if self.place == Place::Elsewhere || self.schema == SCHEMA {
            return Ok(());
        }
        let tables = self.tables().await?;
        let mut statements = format!("{LOCK_TIMEOUT}; CREATE SCHEMA IF NOT EXISTS {SCHEMA};");
        for table in tables {
            let name = self.qualified(&table);
            statements += &format!("ALTER TABLE {name} SET SCHEMA {SCHEMA};");
        }
        let moved = self
            .conn
            .transaction(async |conn| conn.batch_execute(&statements).await);
        moved.await?;
        SCHEMA.clone_into(&mut self.schema);
        Ok(())
    }

    /// The tables of the schema, except those of extensions and the record of the adoption.
    async fn tables(&mut self) -> Result<Vec<String>, DbError> {
        let query = diesel::sql_query(
            "SELECT relname::text AS name FROM pg_class AS c
             WHERE relnamespace = quote_ident($1)::regnamespace AND relkind IN ('r', 'p') AND relname <> 'adoption'
               AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e')
             ORDER BY relname",
        );
        let names: Vec<Name> = query
            .bind::<Text, _>(&self.schema)
            .load(&mut self.conn)
            .await?;
        Ok(names.into_iter().map(|Name { name }| name).collect())
    }

    fn qualified(&self, table: &str) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(table))
    }
}

impl std::fmt::Debug for Original {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Original")
            .field("schema", &self.schema)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// Whether an address leads to the database of the service.
///
/// # Errors
/// A database cannot be reached.
pub async fn is_same_database(db: &Db, other: &DatabaseUrl) -> Result<bool, DbError> {
    let mut identities = Vec::new();
    for url in [db.direct(), other] {
        let query = diesel::sql_query(
            "SELECT format('%s of the server since %s', oid, pg_postmaster_start_time()) AS name
             FROM pg_database WHERE datname = current_database()",
        );
        let Name { name } = query.get_result(&mut connect(url).await?).await?;
        identities.push(name);
    }
    Ok(identities[0] == identities[1])
}

fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}
