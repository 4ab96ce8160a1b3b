//! Table `recipe_salt`: the one row that keys the hashes of recipes.

use agent_pool_core::Secret;
use agent_pool_service_kit::db::DbError;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::schema::recipe_salt;

/// The salt, which never changes.
pub(crate) async fn load(conn: &mut AsyncPgConnection) -> Result<Secret, DbError> {
    let salt: String = recipe_salt::table
        .select(recipe_salt::salt)
        .first(conn)
        .await?;
    Ok(Secret::new(salt))
}
