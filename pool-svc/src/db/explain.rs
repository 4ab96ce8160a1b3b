//! The reasons in the lifecycle log, and the data for the explanation of a pool.

use agent_pool_service_kit::db::DbError;
use diesel::sql_query;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// Longest reason that is stored, in characters.
const LONGEST: usize = 500;

/// Sets the reason of all entries of the lifecycle log that this transaction writes from now on. Has no effect outside
/// a transaction.
pub(crate) async fn set_reason(conn: &mut AsyncPgConnection, reason: &str) -> Result<(), DbError> {
    let reason: String = reason.chars().take(LONGEST).collect();
    // Diesel has no set_config().
    sql_query("SELECT set_config('agent_pool.reason', $1, true)")
        .bind::<Text, _>(reason)
        .execute(conn)
        .await?;
    Ok(())
}
