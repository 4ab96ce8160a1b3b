//! Seals again the values that are sealed with an older key, or not sealed.
//!
//! They use `sql_query`, because table and column are values here.

use agent_pool_core::chain;
use agent_pool_service_kit::cipher::{Cipher, Resealed};
use agent_pool_service_kit::db::DbError;
use diesel::sql_types::{Int8, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tracing::warn;

use super::sealed::{Column, Kind};

/// Rows that are read at once.
const AT_ONCE: usize = 500;

#[derive(Debug, QueryableByName)]
struct Stored {
    #[diesel(sql_type = Text)]
    owner: String,
    #[diesel(sql_type = Text)]
    text: String,
}

/// Seals with the first key of `cipher` every value that is not sealed with it.
pub(crate) async fn reseal(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
) -> Result<Resealed, DbError> {
    let mut done = Resealed::default();
    if !cipher.encrypts() {
        return Ok(done);
    }
    for column in Column::ALL {
        let mut after = String::new();
        loop {
            let rows = load(conn, column, &after).await?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.owner);
            for stored in rows {
                match column.reseal(cipher, &stored.owner, &stored.text) {
                    Ok(None) => done.current += 1,
                    Ok(Some(new)) => done.sealed += replace(conn, column, &stored, &new).await?,
                    Err(error) => {
                        done.lost += 1;
                        warn!(
                            error.chain = chain(&error),
                            "a stored value cannot be decrypted: {error}"
                        );
                    }
                }
            }
        }
    }
    Ok(done)
}

async fn load(
    conn: &mut AsyncPgConnection,
    column: Column,
    after: &str,
) -> Result<Vec<Stored>, DbError> {
    let Column { table, row, .. } = column;
    let text = read(column);
    let rows = sql_query(format!(
        "SELECT {row} AS owner, {text} AS text FROM {table}
         WHERE {text} IS NOT NULL AND {row} > $1 ORDER BY {row} LIMIT $2"
    ))
    .bind::<Text, _>(after)
    .bind::<Int8, _>(i64::try_from(AT_ONCE).unwrap_or(i64::MAX))
    .load(conn)
    .await?;
    Ok(rows)
}

/// Replaces a value if it is still the one that was read.
async fn replace(
    conn: &mut AsyncPgConnection,
    column: Column,
    stored: &Stored,
    new: &str,
) -> Result<usize, DbError> {
    let Column {
        table, row, name, ..
    } = column;
    let text = read(column);
    let new_value = match column.kind {
        Kind::Text => "$2",
        Kind::Json => "to_jsonb($2)",
    };
    let replaced = sql_query(format!(
        "UPDATE {table} SET {name} = {new_value} WHERE {row} = $1 AND {text} = $3"
    ))
    .bind::<Text, _>(&stored.owner)
    .bind::<Text, _>(new)
    .bind::<Text, _>(&stored.text)
    .execute(conn)
    .await?;
    Ok(replaced)
}

/// The value as a text: SQL.
fn read(column: Column) -> String {
    match column.kind {
        Kind::Text => column.name.to_owned(),
        // The text of a JSON string, and of anything else the JSON.
        Kind::Json => format!("{} #>> '{{}}'", column.name),
    }
}
