//! The reason that entries of the lifecycle log get, and what an explanation of a pool is made from.

use agent_pool_service_kit::db::DbError;
use diesel::sql_query;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// Longest reason that is kept, in characters.
const LONGEST: usize = 500;

/// Gives this reason to all entries of the lifecycle log that this transaction writes from now on. Outside of a
/// transaction it has no effect.
pub(crate) async fn set_reason(conn: &mut AsyncPgConnection, reason: &str) -> Result<(), DbError> {
    let reason: String = reason.chars().take(LONGEST).collect();
    // Diesel has no set_config().
    sql_query("SELECT set_config('agent_pool.reason', $1, true)")
        .bind::<Text, _>(reason)
        .execute(conn)
        .await?;
    Ok(())
}
