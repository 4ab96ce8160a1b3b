//! Who works on a row, and until when. Time is the database's, so that replicas agree.
//!
//! A row with a lease that has not expired is somebody's work: nobody else calls Services for it.
//! These statements never write `status`.

use std::time::Duration;

use agent_pool_core::{InstanceId, ToolId};
use agent_pool_service_kit::db::DbError;
use diesel::sql_query;
use diesel::sql_types::{Array, Double, Int8, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use url::Url;

use super::row::{IdRow, parse_id};

/// Serialises the transactions that count instances in order to add some.
pub(crate) async fn lock_count(conn: &mut AsyncPgConnection) -> Result<(), DbError> {
    // Diesel has no advisory locks. The number is arbitrary, and this service's own.
    sql_query("SELECT pg_advisory_xact_lock(4216750311)")
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether the work on a row may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    Yes,
    /// The instance was condemned, or its row is gone.
    No,
}

impl From<usize> for Held {
    fn from(rows: usize) -> Self {
        if rows == 0 { Self::No } else { Self::Yes }
    }
}

/// Begins the creation of an instance that is still wanted, and is to have these tools.
pub(crate) async fn begin_creation(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
    tools: &[ToolId],
    lease: Duration,
) -> Result<Held, DbError> {
    // sql_query: Diesel cannot add a bound interval to now().
    let rows = sql_query(
        "UPDATE instances SET lease_expires_at = now() + make_interval(secs => $2), tools = $3
         WHERE id = $1 AND status = 'starting' AND url IS NULL",
    )
    .bind::<Text, _>(id.as_str())
    .bind::<Double, _>(lease.as_secs_f64())
    .bind::<Array<Text>, _>(tools.iter().map(ToolId::as_str).collect::<Vec<_>>())
    .execute(conn)
    .await?;
    Ok(rows.into())
}

/// Ends the creation of an instance: from now on its health decides.
pub(crate) async fn end_creation(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
    url: &Url,
) -> Result<Held, DbError> {
    // sql_query, as its counterpart above: the two are read together.
    let rows = sql_query(
        "UPDATE instances SET url = $2, lease_expires_at = NULL, made_at = now()
         WHERE id = $1 AND status = 'starting'",
    )
    .bind::<Text, _>(id.as_str())
    .bind::<Text, _>(url.as_str())
    .execute(conn)
    .await?;
    Ok(rows.into())
}

/// Takes up to `limit` instances whose destruction nobody works on, those that failed last.
pub(crate) async fn take_destroying(
    conn: &mut AsyncPgConnection,
    limit: usize,
    lease: Duration,
) -> Result<Vec<InstanceId>, DbError> {
    // sql_query: Diesel has no UPDATE by a locking subquery.
    let rows = sql_query(
        "UPDATE instances SET lease_expires_at = now() + make_interval(secs => $2)
         WHERE id = ANY (ARRAY (
             SELECT id FROM instances
             WHERE status = 'destroying' AND coalesce(lease_expires_at <= now(), true)
             ORDER BY lease_expires_at NULLS FIRST LIMIT $1 FOR UPDATE SKIP LOCKED))
         RETURNING id",
    )
    .bind::<Int8, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind::<Double, _>(lease.as_secs_f64())
    .load::<IdRow>(conn)
    .await?;
    rows.into_iter().map(|row| parse_id(row.id)).collect()
}

/// Ends the lease of an instance that is to be destroyed, so that any replica may take it.
pub(crate) async fn release_destroying(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
) -> Result<(), DbError> {
    // sql_query, as its counterpart above: the two are read together.
    sql_query(
        "UPDATE instances SET lease_expires_at = now() WHERE id = $1 AND status = 'destroying'",
    )
    .bind::<Text, _>(id.as_str())
    .execute(conn)
    .await?;
    Ok(())
}
