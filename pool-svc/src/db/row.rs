//! Columns of table `instances` as domain types.

use std::fmt::Display;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::Status;
use agent_pool_service_kit::db::DbError;
use diesel::QueryableByName;
use diesel::sql_types::Text;

#[derive(Debug, QueryableByName)]
pub(super) struct IdRow {
    #[diesel(sql_type = Text)]
    pub(super) id: String,
}

pub(crate) fn corrupt<E: Display>(id: &str, problem: E) -> DbError {
    DbError::CorruptRow {
        table: "instances",
        key: id.to_owned(),
        problem: problem.to_string(),
    }
}

pub(crate) fn parse_id(id: String) -> Result<InstanceId, DbError> {
    id.parse().map_err(|error| corrupt(&id, error))
}

pub(crate) fn parse_status(id: &str, word: &str) -> Result<Status, DbError> {
    Status::ALL
        .into_iter()
        .find(|status| status.as_str() == word)
        .ok_or_else(|| corrupt(id, format!("unknown status {word:?}")))
}
