//! Table `claim_keys`: the claims with an `Idempotency-Key` and their answers.
//!
//! One run at a time works on a key, and each run has its own number. When the lease of a run has expired, another run
//! may take the key; anything that the first run tries to record later is refused.
//!
//! The statements with `sql_query` need a conditional upsert or `pg_notify`, which Diesel does not have.

use std::time::Duration;

use agent_pool_core::wire::pool::ClaimOutcome;
use agent_pool_core::wire::problem::Problem;
use agent_pool_service_kit::cipher::Cipher;
use agent_pool_service_kit::db::{DbError, after, before};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, Binary, Bool, Double, Int8, Jsonb, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::leases::Held;
use super::schema::{claim_keys, claim_waiters};
use super::sealed::Column;

/// One attempt to make the claim of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) key: String,
    pub(crate) number: i64,
}

/// The state of a key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeyRecord {
    pub(crate) same_request: bool,
    pub(crate) state: KeyState,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum KeyState {
    /// A replica is working on it.
    InFlight,
    /// Its last run ended without an answer.
    Abandoned,
    /// It succeeded.
    Answered(ClaimOutcome),
    /// The last run failed, with this.
    Failed(StoredFailure),
}

/// A failure as it is stored for the requests that wait for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredFailure {
    problem: Problem,
    /// In milliseconds: the JSON of a problem has whole seconds.
    retry_after_ms: Option<u64>,
}

impl From<Problem> for StoredFailure {
    fn from(problem: Problem) -> Self {
        let milliseconds = |wait: Duration| wait.as_millis().try_into().ok();
        Self {
            retry_after_ms: problem.retry_after.and_then(milliseconds),
            problem,
        }
    }
}

impl From<StoredFailure> for Problem {
    fn from(failure: StoredFailure) -> Self {
        Self {
            retry_after: failure.retry_after_ms.map(Duration::from_millis),
            ..failure.problem
        }
    }
}

#[derive(Debug, QueryableByName)]
struct RunRow {
    #[diesel(sql_type = Int8)]
    run: i64,
}

/// Begins a run if no other one works on the key and no earlier run succeeded.
pub(crate) async fn begin(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
    key: &str,
    request: &str,
    lease: Duration,
) -> Result<Option<Run>, DbError> {
    begin_with(conn, key, cipher.fingerprints(request), lease).await
}

/// Begins a run of an internal key that no client sent.
pub(crate) async fn begin_without_request(
    conn: &mut AsyncPgConnection,
    key: &str,
    lease: Duration,
) -> Result<Option<Run>, DbError> {
    // Not keyed, so that replicas share the row during a rotation.
    begin_with(conn, key, vec![Sha256::digest("").to_vec()], lease).await
}

/// The first of `fingerprints` is stored; a match of any of them means the same request.
async fn begin_with(
    conn: &mut AsyncPgConnection,
    key: &str,
    fingerprints: Vec<Vec<u8>>,
    lease: Duration,
) -> Result<Option<Run>, DbError> {
    let begun: Option<RunRow> = sql_query(
        "INSERT INTO claim_keys AS k (key, request_hash, lease_expires_at)
         VALUES ($1, ($2)[1], now() + make_interval(secs => $3))
         ON CONFLICT (key) DO UPDATE
         SET run = excluded.run, begun_at = now(), failure = NULL,
             lease_expires_at = excluded.lease_expires_at
         WHERE k.request_hash = ANY($2) AND k.answer IS NULL
           AND coalesce(k.lease_expires_at <= now(), true)
         RETURNING run",
    )
    .bind::<Text, _>(key)
    .bind::<Array<Binary>, _>(fingerprints)
    .bind::<Double, _>(lease.as_secs_f64())
    .get_result(conn)
    .await
    .optional()?;
    Ok(begun.map(|row| Run {
        key: key.to_owned(),
        number: row.run,
    }))
}

#[derive(Debug, QueryableByName)]
struct KeyRow {
    #[diesel(sql_type = Bool)]
    same_request: bool,
    #[diesel(sql_type = Bool)]
    in_flight: bool,
    #[diesel(sql_type = Nullable<Jsonb>)]
    answer: Option<Value>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    failure: Option<Value>,
}

/// The state of a key, if there is one.
pub(crate) async fn find(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
    key: &str,
    request: &str,
) -> Result<Option<KeyRecord>, DbError> {
    let row: Option<KeyRow> = sql_query(
        "SELECT request_hash = ANY($2) AS same_request,
                coalesce(lease_expires_at > now(), false) AS in_flight, answer, failure
         FROM claim_keys WHERE key = $1",
    )
    .bind::<Text, _>(key)
    .bind::<Array<Binary>, _>(cipher.fingerprints(request))
    .get_result(conn)
    .await
    .optional()?;
    row.map(|row| {
        Ok(KeyRecord {
            same_request: row.same_request,
            state: match (row.answer, row.failure) {
                (Some(answer), _) => {
                    KeyState::Answered(Column::ANSWER.open_json(cipher, key, answer)?)
                }
                (None, Some(failure)) => {
                    KeyState::Failed(Column::FAILURE.open_json(cipher, key, failure)?)
                }
                (None, None) if row.in_flight => KeyState::InFlight,
                (None, None) => KeyState::Abandoned,
            },
        })
    })
    .transpose()
}

/// Renews the lease of a run.
pub(crate) async fn renew(
    conn: &mut AsyncPgConnection,
    run: &Run,
    lease: Duration,
) -> Result<(), DbError> {
    diesel::update(claim_keys::table.find(&run.key))
        .filter(claim_keys::run.eq(run.number))
        .filter(claim_keys::lease_expires_at.is_not_null())
        .set(claim_keys::lease_expires_at.eq(after!(lease).nullable()))
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether the key still belongs to this run. Until the end of the transaction no other run can take it.
pub(crate) async fn hold(conn: &mut AsyncPgConnection, run: &Run) -> Result<Held, DbError> {
    let rows: Vec<i64> = claim_keys::table
        .find(&run.key)
        .filter(claim_keys::run.eq(run.number))
        .select(claim_keys::run)
        .for_update()
        .load(conn)
        .await?;
    Ok(rows.len().into())
}

/// Ends a run that succeeded, in the transaction that records the claim and [`hold`]s the key.
pub(crate) async fn answer(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
    run: &Run,
    answer: &ClaimOutcome,
) -> Result<(), DbError> {
    let answer = Column::ANSWER.seal_json(cipher, &run.key, answer)?;
    end(conn, run, Some(answer), None).await
}

/// Ends a run that failed. With `None` no answer is stored.
pub(crate) async fn fail(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
    run: &Run,
    failure: Option<&StoredFailure>,
) -> Result<(), DbError> {
    let seal = |failure| Column::FAILURE.seal_json(cipher, &run.key, failure);
    end(conn, run, None, failure.map(seal).transpose()?).await
}

async fn end(
    conn: &mut AsyncPgConnection,
    run: &Run,
    answer: Option<Value>,
    failure: Option<Value>,
) -> Result<(), DbError> {
    sql_query(
        "UPDATE claim_keys SET lease_expires_at = NULL, answer = $3, failure = $4
         WHERE key = $1 AND run = $2 AND answer IS NULL
         RETURNING pg_notify('agent_pool_claims', key)",
    )
    .bind::<Text, _>(&run.key)
    .bind::<Int8, _>(run.number)
    .bind::<Nullable<Jsonb>, _>(answer)
    .bind::<Nullable<Jsonb>, _>(failure)
    .execute(conn)
    .await?;
    Ok(())
}

/// How long the answer to a key is kept.
const KEPT: Duration = Duration::from_hours(24);
/// How long the place of a waiter is kept after its replica died.
const DEAD_PLACES_KEPT: Duration = Duration::from_hours(1);

/// Deletes keys that are older than 24 hours, and waiters whose replica died long ago.
pub(crate) async fn prune(conn: &mut AsyncPgConnection) -> Result<(), DbError> {
    let dead = claim_waiters::lease_expires_at
        .nullable()
        .lt(before!(DEAD_PLACES_KEPT).nullable());
    diesel::delete(claim_waiters::table)
        .filter(dead)
        .execute(conn)
        .await?;
    let unused = claim_keys::lease_expires_at
        .is_null()
        .or(claim_keys::lease_expires_at.le(now).assume_not_null());
    diesel::delete(claim_keys::table)
        .filter(claim_keys::begun_at.nullable().lt(before!(KEPT).nullable()))
        .filter(unused)
        .execute(conn)
        .await?;
    Ok(())
}
