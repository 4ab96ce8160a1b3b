//! Table `claim_waiters`: the queue of waiting claims, shared by all replicas.
//!
//! The ids are the order. A waiter whose lease has expired no longer counts: its replica is dead. Taking an
//! instance removes the waiter, in the same statement
//! ([`take_oldest_idle`](super::claims::take_oldest_idle)). All are `sql_query`: Diesel has no notifications,
//! no sequences, and no statement that modifies inside a `WITH`.

use std::time::Duration;

use agent_pool_service_kit::db::DbError;
use diesel::sql_types::{Array, Bool, Double, Int8, Nullable, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

#[derive(Debug, QueryableByName)]
struct Number {
    #[diesel(sql_type = Int8)]
    id: i64,
}

/// Joins the queue of a pool at its end, or with the number that this claim had before.
pub(crate) async fn join(
    conn: &mut AsyncPgConnection,
    number: Option<i64>,
    pool: &str,
    lease: Duration,
) -> Result<i64, DbError> {
    let joined: Number = sql_query(
        "INSERT INTO claim_waiters (id, lease_expires_at, pool)
         VALUES (coalesce($1, nextval(pg_get_serial_sequence('claim_waiters', 'id'))),
                 now() + make_interval(secs => $2), $3)
         RETURNING id",
    )
    .bind::<Nullable<Int8>, _>(number)
    .bind::<Double, _>(lease.as_secs_f64())
    .bind::<Text, _>(pool)
    .get_result(conn)
    .await?;
    Ok(joined.id)
}

/// Leaves the queue and notifies the others.
pub(crate) async fn leave(conn: &mut AsyncPgConnection, number: i64) -> Result<(), DbError> {
    sql_query(
        "DELETE FROM claim_waiters WHERE id = $1 RETURNING pg_notify('agent_pool_claims', '')",
    )
    .bind::<Int8, _>(number)
    .execute(conn)
    .await?;
    Ok(())
}

/// A waiting claim and its pool.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub(crate) struct Waiter {
    #[diesel(sql_type = Int8)]
    pub(crate) id: i64,
    #[diesel(sql_type = Text)]
    pub(crate) pool: String,
    /// Whether its pool was deleted in the meantime.
    #[diesel(sql_type = Bool)]
    pub(crate) pool_deleted: bool,
}

/// All waiters in order. The leases of `mine` are renewed, unless they were renewed a moment ago.
pub(crate) async fn look(
    conn: &mut AsyncPgConnection,
    mine: &[i64],
    lease: Duration,
) -> Result<Vec<Waiter>, DbError> {
    let line = sql_query(
        "WITH renewed AS (
             UPDATE claim_waiters SET lease_expires_at = now() + make_interval(secs => $2)
             WHERE id = ANY ($1) AND lease_expires_at < now() + make_interval(secs => $2 * 0.8))
         SELECT id, pool,
                pool <> 'default' AND NOT EXISTS (SELECT FROM pools WHERE pools.name = claim_waiters.pool)
                    AS pool_deleted
         FROM claim_waiters
         WHERE lease_expires_at > now() OR id = ANY ($1)
         ORDER BY id",
    )
    .bind::<Array<Int8>, _>(mine)
    .bind::<Double, _>(lease.as_secs_f64())
    .load(conn)
    .await?;
    Ok(line)
}
