//! The pool's tables: what moves an instance, who works on it, what is read of it, and its log; who
//! waits for one, and what became of each claim with a key; what creations fail with; and which tick
//! is the latest.

pub(crate) mod claim_keys;
pub(crate) mod claim_waiters;
pub(crate) mod creation_failures;
pub(crate) mod events;
pub(crate) mod instances;
pub(crate) mod leases;
pub(crate) mod tick_state;
pub(crate) mod views;

#[cfg(test)]
mod claim_tests;
pub(crate) mod schema;
#[cfg(test)]
mod tests;

use std::fmt::Display;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::Status;
use agent_pool_service_kit::db::DbError;
use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

/// The schema's history, run at start under a lock.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations/pool");

#[derive(Debug, QueryableByName)]
struct IdRow {
    #[diesel(sql_type = Text)]
    id: String,
}

fn corrupt<E: Display>(id: &str, problem: E) -> DbError {
    DbError::CorruptRow {
        table: "instances",
        key: id.to_owned(),
        problem: problem.to_string(),
    }
}

fn parse_id(id: String) -> Result<InstanceId, DbError> {
    id.parse().map_err(|error| corrupt(&id, error))
}

pub(crate) fn parse_status(id: &str, word: &str) -> Result<Status, DbError> {
    Status::ALL
        .into_iter()
        .find(|status| status.as_str() == word)
        .ok_or_else(|| corrupt(id, format!("unknown status {word:?}")))
}
