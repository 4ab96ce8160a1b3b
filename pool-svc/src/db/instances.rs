//! The moves of table `instances` besides those of a claim (see [`claims`](super::claims)). Nothing else
//! writes `status`.
//!
//! Each is one statement, guarded by the status that it moves from, which writes the lifecycle log too. Moving no row
//! is an ordinary outcome: another move came first. They use `sql_query`, because Diesel has no statement that modifies
//! inside a `WITH`.

use std::time::Duration;

use agent_pool_core::wire::JoinUrl;
use agent_pool_core::wire::pool::{ClaimOutcome, Recipe, Status};
use agent_pool_core::{InstanceId, PoolName};
use agent_pool_service_kit::cipher::Cipher;
use agent_pool_service_kit::db::DbError;
use diesel::result::OptionalExtension;
use diesel::sql_types::{Array, Binary, Double, Int8, Jsonb, Nullable, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::explain;
use super::moves::{self, Moved, ids};
use super::pending::OutcomeRow;
use super::prepared::Prepared;
use super::row::parse_id;
use crate::lifecycle::{Cause, Move, Origin};

/// Which instances are to move, and why.
pub(crate) type Causes = [(InstanceId, Cause)];

/// Moves those of `causes` that still have the status that `step` moves from. Returns their ids.
pub(crate) async fn mark(
    conn: &mut AsyncPgConnection,
    step: Move,
    causes: &Causes,
) -> Result<Vec<InstanceId>, DbError> {
    if causes.is_empty() {
        return Ok(Vec::new());
    }
    let (from, to) = (step.from().as_str(), step.to().as_str());
    let lease = if step.keeps_lease() {
        // A condemned instance keeps its lease while a task works on it, so that its destruction cannot overtake that
        // task. No task works on an instance that waits to be accepted into a conversation: its lease is only a
        // deadline.
        "CASE WHEN i.agent_name IS NULL THEN i.lease_expires_at END"
    } else {
        "NULL"
    };
    // An instance that becomes idle has just answered a health check: the first one, or that of its claim.
    let health = match step.to() {
        Status::Idle => ", last_healthy_at = now(), silent_since = NULL",
        Status::Starting
        | Status::Claiming
        | Status::Claimed
        | Status::Crashed
        | Status::Destroying => "",
    };
    // A protected instance is never condemned, whatever the cause.
    let unless = if step.keeps_lease() {
        "AND NOT i.protected"
    } else {
        ""
    };
    let change = format!(
        "UPDATE instances AS i SET status = '{to}', lease_expires_at = {lease}{health}
         FROM unnest($3, $4) AS planned (id, cause)
         WHERE i.id = planned.id AND i.status = '{from}' {unless}
         RETURNING i.id, i.name, i.url, i.pool, planned.cause"
    );
    let planned_ids: Vec<_> = causes.iter().map(|(id, _)| id.as_str()).collect();
    let planned_causes: Vec<_> = causes.iter().map(|(_, cause)| cause.as_str()).collect();
    let moved = Prepared(
        moves::change(Some(step.from()), Some(step.to()), &change)
            .bind::<Array<Text>, _>(planned_ids)
            .bind::<Array<Text>, _>(planned_causes),
    );
    ids(moved.load::<Moved>(conn).await?)
}

/// Wakes waiting claims after instances became idle.
///
/// Call it after the commit: a claim that joins the queue later finds the instances itself, so no notification is lost
/// in between.
pub(crate) async fn notify_waiting_claims(conn: &mut AsyncPgConnection) -> Result<(), DbError> {
    // Diesel has no notifications.
    Prepared(sql_query(
        "SELECT pg_notify('agent_pool_claims', '') WHERE EXISTS (SELECT FROM claim_waiters)",
    ))
    .execute(conn)
    .await?;
    Ok(())
}

/// Condemns the instances of claims whose lease has expired: their replica is dead. Those of `held` are
/// claims of this replica, whose leases were only not renewed in time.
pub(crate) async fn condemn_expired_claims(
    conn: &mut AsyncPgConnection,
    held: &[InstanceId],
) -> Result<Vec<InstanceId>, DbError> {
    let step = Move::CONDEMN_CLAIMING;
    let (from, to) = (step.from().as_str(), step.to().as_str());
    let [expired, not_accepted] = [Cause::LeaseExpired, Cause::NotAccepted].map(Cause::as_str);
    let change = format!(
        "UPDATE instances SET status = '{to}'
         WHERE id = ANY (ARRAY (
             SELECT id FROM instances
             WHERE status = '{from}' AND lease_expires_at <= now() AND id <> ALL ($3)
             FOR UPDATE SKIP LOCKED))
         RETURNING id, name, url, pool,
                   CASE WHEN agent_name IS NULL THEN '{expired}' ELSE '{not_accepted}' END AS cause"
    );
    let moved = moves::change(Some(step.from()), Some(step.to()), &change)
        .bind::<Array<Text>, _>(held.iter().map(InstanceId::as_str).collect::<Vec<_>>());
    ids(moved.load::<Moved>(conn).await?)
}

/// How long a join link leads to the agent that joined through it.
const JOINED_FOR: Duration = Duration::from_hours(24);

/// The state of the claim that joined through this link within the last day.
pub(crate) async fn find_joined(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
    link: &JoinUrl,
) -> Result<Option<ClaimOutcome>, DbError> {
    let row: Option<OutcomeRow> = sql_query(
        "SELECT id, conversation_id, invite_url, lease_expires_at FROM instances
         WHERE join_url_hash = ANY($1)
           AND (status = 'claimed' AND claimed_at > now() - make_interval(secs => $2)
                OR status = 'claiming' AND agent_name IS NOT NULL AND lease_expires_at > now())
         ORDER BY claimed_at DESC NULLS FIRST LIMIT 1",
    )
    .bind::<Array<Binary>, _>(cipher.fingerprints(link.as_str()))
    .bind::<Double, _>(JOINED_FOR.as_secs_f64())
    .get_result(conn)
    .await
    .optional()?;
    row.map(|row| row.open(cipher)).transpose()
}

/// Condemns the `count` oldest idle instances of a pool, or of all, or as many as there are.
pub(crate) async fn drain_oldest_idle(
    conn: &mut AsyncPgConnection,
    pool: Option<&PoolName>,
    count: u32,
) -> Result<Vec<InstanceId>, DbError> {
    let step = Move::CONDEMN_IDLE;
    let (from, to) = (step.from().as_str(), step.to().as_str());
    let cause = Cause::Drained.as_str();
    // ARRAY(…) runs once; after IN the planner may run the locking subquery again, and take more.
    let change = format!(
        "UPDATE instances SET status = '{to}'
         WHERE id = ANY (ARRAY (
             SELECT id FROM instances
             WHERE status = '{from}' AND pool = coalesce($4, pool) AND NOT protected
             ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED))
         RETURNING id, name, url, pool, '{cause}' AS cause"
    );
    let moved = moves::change(Some(step.from()), Some(step.to()), &change)
        .bind::<Int8, _>(i64::from(count))
        .bind::<Nullable<Text>, _>(pool.map(PoolName::as_str));
    ids(moved.load::<Moved>(conn).await?)
}

/// Condemns the oldest idle instances of a pool, so that `keep` are left.
pub(crate) async fn remove_surplus(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
    keep: u32,
) -> Result<Vec<InstanceId>, DbError> {
    let step = Move::CONDEMN_IDLE;
    let (from, to) = (step.from().as_str(), step.to().as_str());
    let cause = Cause::Surplus.as_str();
    let change = format!(
        "UPDATE instances SET status = '{to}'
         WHERE id = ANY (ARRAY (
             SELECT id FROM instances WHERE status = '{from}' AND pool = $4 AND NOT protected
             ORDER BY created_at
             LIMIT greatest(0, (SELECT count(*) FROM instances
                                WHERE status = '{from}' AND pool = $4 AND NOT protected) - $3)
             FOR UPDATE SKIP LOCKED))
         RETURNING id, name, url, pool, '{cause}' AS cause"
    );
    let moved = moves::change(Some(step.from()), Some(step.to()), &change)
        .bind::<Int8, _>(i64::from(keep))
        .bind::<Text, _>(pool.as_str());
    ids(moved.load::<Moved>(conn).await?)
}

/// How many instances of a pool to create, their recipe, and the limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Demand {
    pub(crate) pool: PoolName,
    pub(crate) recipe: Recipe,
    pub(crate) wanted: Wanted,
    /// How many instances the pool may have in all.
    pub(crate) max_total: u32,
    /// How many of its instances may be starting at once.
    pub(crate) max_starting: Option<u32>,
    /// Why, in words.
    pub(crate) reason: String,
}

/// How many instances to create.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Fill up to `warm` idle or starting instances, plus one for each waiting claim, but create no more than
    /// `at_once`.
    Deficit { warm: u32, at_once: u32 },
    /// This many more.
    Extra(u32),
}

impl Wanted {
    const fn warm(self) -> Option<u32> {
        match self {
            Self::Deficit { warm, .. } => Some(warm),
            Self::Extra(_) => None,
        }
    }

    const fn at_once(self) -> u32 {
        match self {
            Self::Deficit { at_once, .. } => at_once,
            Self::Extra(count) => count,
        }
    }
}

#[derive(Debug, QueryableByName)]
struct Missing {
    #[diesel(sql_type = Int8)]
    missing: i64,
    #[diesel(sql_type = Int8)]
    total: i64,
}

/// How many instances to create for each of `demands`, in their order, within the limit `max_total` over all pools. If
/// there is not enough room, the first ones get it.
pub(crate) async fn count_missing(
    conn: &mut AsyncPgConnection,
    demands: &[Demand],
    max_total: u32,
) -> Result<Vec<u32>, DbError> {
    let column = |number: fn(&Demand) -> Option<u32>| -> Vec<Option<i64>> {
        let numbers = demands.iter().map(number);
        numbers.map(|number| number.map(i64::from)).collect()
    };
    let pools: Vec<&str> = demands.iter().map(|one| one.pool.as_str()).collect();
    // sql_query: Diesel has no table of bound arrays, and no least(), which ignores NULL.
    let rows: Vec<Missing> = Prepared(
        sql_query(
            "WITH has AS (
                 SELECT pool, count(*) AS total, count(*) FILTER (WHERE status = 'starting') AS starting,
                        count(*) FILTER (WHERE status IN ('idle', 'starting') AND NOT protected) AS warm
                 FROM instances GROUP BY pool)
             SELECT greatest(0, least(demand.at_once, demand.max_total - coalesce(has.total, 0),
                        demand.max_starting - coalesce(has.starting, 0),
                        demand.warm + coalesce(queue.waiting, 0) - coalesce(has.warm, 0))) AS missing,
                    (SELECT coalesce(sum(total), 0)::int8 FROM has) AS total
             FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY
                      AS demand (pool, warm, at_once, max_total, max_starting, number)
             LEFT JOIN has USING (pool)
             LEFT JOIN (SELECT pool, count(*) AS waiting FROM claim_waiters
                        WHERE lease_expires_at > now() GROUP BY pool) AS queue USING (pool)
             ORDER BY demand.number",
        )
        .bind::<Array<Text>, _>(pools)
        .bind::<Array<Nullable<Int8>>, _>(column(|one| one.wanted.warm()))
        .bind::<Array<Nullable<Int8>>, _>(column(|one| Some(one.wanted.at_once())))
        .bind::<Array<Nullable<Int8>>, _>(column(|one| Some(one.max_total)))
        .bind::<Array<Nullable<Int8>>, _>(column(|one| one.max_starting)),
    )
    .load(conn)
    .await?;
    let total = rows.iter().map(|row| row.total).max().unwrap_or(0);
    let mut room = (i64::from(max_total) - total).max(0);
    let share = |row: Missing| {
        let share = row.missing.min(room);
        room -= share;
        u32::try_from(share).unwrap_or_default()
    };
    Ok(rows.into_iter().map(share).collect())
}

/// An instance whose row is written and whose creation has not been requested from Services yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewInstance {
    pub(crate) id: InstanceId,
    pub(crate) name: String,
    /// Its recipe; `None` for the one in the settings.
    pub(crate) recipe: Option<Recipe>,
}

/// Inserts the rows of new instances, so that there are never more than `max_total` rows.
///
/// To be called in a transaction that has [`lock_count`](super::leases::lock_count): two concurrent calls would both
/// see room for the same instance.
pub(crate) async fn insert_starting(
    conn: &mut AsyncPgConnection,
    demands: &[Demand],
    max_total: u32,
    lease: Duration,
) -> Result<Vec<NewInstance>, DbError> {
    let missing = count_missing(conn, demands, max_total).await?;
    let mut inserted = Vec::new();
    for (demand, missing) in demands.iter().zip(missing) {
        if missing > 0 {
            let reason = format!("{}; {missing} missing", demand.reason);
            explain::set_reason(conn, &reason).await?;
            inserted.extend(insert_of_pool(conn, demand, missing, lease).await?);
        }
    }
    if !inserted.is_empty() {
        explain::set_reason(conn, "").await?;
    }
    Ok(inserted)
}

async fn insert_of_pool(
    conn: &mut AsyncPgConnection,
    demand: &Demand,
    missing: u32,
    lease: Duration,
) -> Result<Vec<NewInstance>, DbError> {
    let ids: Vec<String> = (0..missing)
        .map(|_| InstanceId::generate().into())
        .collect();
    let (to, cause) = (Origin::Wanted.status(), Origin::Wanted.cause().as_str());
    let status = to.as_str();
    let change = format!(
        "INSERT INTO instances (id, name, status, lease_expires_at, pool, recipe)
         SELECT id, 'convos-agent-' || id, '{status}', now() + make_interval(secs => $3), $5, $6
         FROM unnest($4) AS fresh (id)
         RETURNING id, name, url, pool, '{cause}' AS cause"
    );
    let recipe = serde_json::to_value(&demand.recipe).expect("a wire type is a JSON object");
    let moved = moves::change(None, Some(to), &change)
        .bind::<Double, _>(lease.as_secs_f64())
        .bind::<Array<Text>, _>(ids)
        .bind::<Text, _>(demand.pool.as_str())
        .bind::<Jsonb, _>(recipe)
        .load::<Moved>(conn)
        .await?;
    let new = |row: Moved| {
        Ok(NewInstance {
            name: row.name,
            id: parse_id(row.id)?,
            recipe: Some(demand.recipe.clone()),
        })
    };
    moved.into_iter().map(new).collect()
}

/// Inserts rows, as condemned, for instances that have reappeared after their rows were deleted. Returns their ids.
pub(crate) async fn insert_reappeared(
    conn: &mut AsyncPgConnection,
    strays: &[InstanceId],
) -> Result<Vec<InstanceId>, DbError> {
    if strays.is_empty() {
        return Ok(Vec::new());
    }
    let (to, cause) = (
        Origin::Reappeared.status(),
        Origin::Reappeared.cause().as_str(),
    );
    let status = to.as_str();
    let change = format!(
        "INSERT INTO instances (id, name, status)
         SELECT id, 'convos-agent-' || id, '{status}' FROM unnest($3) AS stray (id)
         ON CONFLICT (id) DO NOTHING
         RETURNING id, name, url, pool, '{cause}' AS cause"
    );
    let moved = moves::change(None, Some(to), &change)
        .bind::<Array<Text>, _>(strays.iter().map(InstanceId::as_str).collect::<Vec<_>>());
    ids(moved.load::<Moved>(conn).await?)
}

/// Deletes the row of an instance whose resources are all destroyed.
pub(crate) async fn delete_destroyed(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
) -> Result<(), DbError> {
    let from = Status::Destroying;
    let (status, cause) = (from.as_str(), Cause::Destroyed.as_str());
    let change = format!(
        "DELETE FROM instances WHERE id = $3 AND status = '{status}'
         RETURNING id, name, url, pool, '{cause}' AS cause"
    );
    moves::change(Some(from), None, &change)
        .bind::<Text, _>(id.as_str())
        .load::<Moved>(conn)
        .await?;
    Ok(())
}
