//! Columns of table `instances` as domain types.

use std::fmt::Display;

use agent_pool_core::wire::pool::{Recipe, Status};
use agent_pool_core::{InstanceId, PoolName};
use agent_pool_service_kit::db::DbError;
use diesel::QueryableByName;
use diesel::sql_types::Text;
use serde_json::Value;

#[derive(Debug, QueryableByName)]
pub(super) struct IdRow {
    #[diesel(sql_type = Text)]
    pub(super) id: String,
}

/// Who made an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker {
    Ourselves,
    /// The Node.js original, from which it was taken over.
    Original,
}

impl Maker {
    pub(super) const fn when_adopted(adopted: bool) -> Self {
        if adopted {
            Self::Original
        } else {
            Self::Ourselves
        }
    }
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

/// The recipe of an instance; `None` if an older version made it, which did not record recipes.
pub(super) fn parse_recipe(id: &str, stored: Option<Value>) -> Result<Option<Recipe>, DbError> {
    let recipe = stored.map(serde_json::from_value).transpose();
    recipe.map_err(|error| corrupt(id, error))
}

/// The pool of an instance.
pub(crate) fn parse_pool(id: &str, name: &str) -> Result<PoolName, DbError> {
    name.parse().map_err(|error| corrupt(id, error))
}

pub(crate) fn parse_status(id: &str, word: &str) -> Result<Status, DbError> {
    Status::ALL
        .into_iter()
        .find(|status| status.as_str() == word)
        .ok_or_else(|| corrupt(id, format!("unknown status {word:?}")))
}
