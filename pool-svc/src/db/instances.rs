//! The moves of table `instances`: nothing else writes `status`.
//!
//! Each is one statement, guarded by the status that it moves from, which writes the lifecycle log
//! too. Moving no row is an ordinary outcome: another move came first. They are `sql_query`, because
//! Diesel has no statement that modifies inside a `WITH`.

use std::time::Duration;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::AgentName;
use agent_pool_core::wire::pool::Status;
use agent_pool_core::wire::runtime::ProvisionRequest;
use agent_pool_service_kit::db::DbError;
use diesel::sql_types::{Array, Bool, Double, Int8, Nullable, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use url::Url;

use super::row::{corrupt, parse_id};
use crate::lifecycle::{Cause, Move, Origin};

/// `change` with its log entries. In it, $1 is the status moved from and $2 the one moved to; it
/// returns id, name, url and cause of what it moved.
fn logged(change: &str) -> String {
    logged_with(change, "")
}

/// The same with one more part of the statement, which may look at `moved`.
fn logged_with(change: &str, more: &str) -> String {
    format!(
        "WITH moved AS ({change}), logged AS (
             INSERT INTO instance_events (instance_id, from_status, to_status, cause)
             SELECT id, $1, $2, cause FROM moved)
             {more}
         SELECT id, name, url FROM moved"
    )
}

/// A row that moved.
#[derive(Debug, QueryableByName)]
struct Moved {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    url: Option<String>,
}

fn ids(moved: Vec<Moved>) -> Result<Vec<InstanceId>, DbError> {
    moved.into_iter().map(|row| parse_id(row.id)).collect()
}

/// Which instances are to move, and why.
pub(crate) type Causes = [(InstanceId, Cause)];

/// Moves those of `causes` that still have the status that `step` moves from; answers which.
pub(crate) async fn mark(
    conn: &mut AsyncPgConnection,
    step: Move,
    causes: &Causes,
) -> Result<Vec<InstanceId>, DbError> {
    if causes.is_empty() {
        return Ok(Vec::new());
    }
    // Who becomes idle has just answered a health check: the first one, or that of its claim. Claims
    // that wait are told of it when this is committed.
    let moved = sql_query(logged(
        "UPDATE instances AS i
         SET status = $2,
             lease_expires_at = CASE WHEN $3 THEN i.lease_expires_at END,
             last_healthy_at = CASE WHEN $2 = 'idle' THEN now() ELSE i.last_healthy_at END,
             silent_since = CASE WHEN $2 <> 'idle' THEN i.silent_since END
         FROM unnest($4, $5) AS wanted (id, cause)
         WHERE i.id = wanted.id AND i.status = $1
         RETURNING i.id, i.name, i.url, wanted.cause,
                   CASE WHEN $2 = 'idle' THEN pg_notify('agent_pool_claims', '') END",
    ))
    .bind::<Text, _>(step.from().as_str())
    .bind::<Text, _>(step.to().as_str())
    .bind::<Bool, _>(step.keeps_lease())
    .bind::<Array<Text>, _>(causes.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(
        causes
            .iter()
            .map(|(_, why)| why.as_str())
            .collect::<Vec<_>>(),
    )
    .load::<Moved>(conn)
    .await?;
    ids(moved)
}

/// An instance that only the claim that took it may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TakenInstance {
    pub(crate) id: InstanceId,
    pub(crate) name: AgentName,
    pub(crate) url: Url,
}

/// The idle instances, the oldest first, as far as `also` holds. The literal status, not a parameter,
/// is what lets the planner use the partial index.
fn oldest_idle(also: &str) -> String {
    format!("SELECT id FROM instances WHERE status = 'idle' {also} ORDER BY created_at FOR UPDATE")
}

/// What a claim does about rows that another statement has locked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Locked {
    /// Passes them over, so that claims do not queue behind each other.
    Skip,
    /// Waits for them: what locked them need not have been a claim.
    Await,
}

pub(super) fn claim_sql(locked: Locked) -> String {
    let locked = match locked {
        Locked::Skip => "SKIP LOCKED",
        Locked::Await => "",
    };
    let oldest_idle = oldest_idle(
        "AND id <> ALL ($6) AND NOT EXISTS (
             SELECT FROM claim_waiters AS ahead
             WHERE ahead.id < $5 AND ahead.lease_expires_at > now())",
    );
    logged_with(
        &format!(
            "UPDATE instances SET status = $2, lease_expires_at = now() + make_interval(secs => $3)
             WHERE id = ({oldest_idle} {locked} LIMIT 1)
             RETURNING id, name, url, $4 AS cause"
        ),
        ", served AS (
             DELETE FROM claim_waiters WHERE id = $5 AND EXISTS (SELECT FROM moved)
             RETURNING pg_notify('agent_pool_claims', ''))",
    )
}

/// Whose turn a claim has to await.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueuePosition {
    /// That of all who wait: it has just come.
    Newcomer,
    /// That of those who began to wait before it did.
    Waiter(i64),
    /// Nobody's: it has had its turn, and whoever waits now came after it.
    Served,
}

impl QueuePosition {
    const fn number(self) -> i64 {
        match self {
            Self::Newcomer => i64::MAX,
            Self::Waiter(number) => number,
            Self::Served => 0,
        }
    }
}

/// What a claim takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taking<'a> {
    pub(crate) position: QueuePosition,
    pub(crate) except: &'a [InstanceId],
    pub(crate) lease: Duration,
}

/// Takes the oldest idle instance that no other claim is taking; `None` when there is none, or when
/// it is not this claim's turn. Who took one waits no more.
///
/// A tick that notes who is healthy locks every idle row for a moment. So where all are locked, the
/// claim waits for them before it says that there is none.
pub(crate) async fn claim_oldest_idle(
    conn: &mut AsyncPgConnection,
    taking: Taking<'_>,
) -> Result<Option<TakenInstance>, DbError> {
    let except: Vec<&str> = taking.except.iter().map(InstanceId::as_str).collect();
    for locked in [Locked::Skip, Locked::Await] {
        let moved = sql_query(claim_sql(locked))
            .bind::<Text, _>(Move::TAKE.from().as_str())
            .bind::<Text, _>(Move::TAKE.to().as_str())
            .bind::<Double, _>(taking.lease.as_secs_f64())
            .bind::<Text, _>(Cause::Claim.as_str())
            .bind::<Int8, _>(taking.position.number())
            .bind::<Array<Text>, _>(&except)
            .load::<Moved>(conn)
            .await?;
        if let Some(row) = moved.into_iter().next() {
            return taken(row).map(Some);
        }
    }
    Ok(None)
}

fn taken(row: Moved) -> Result<TakenInstance, DbError> {
    let url = row.url.as_deref().unwrap_or_default().parse();
    Ok(TakenInstance {
        url: url.map_err(|error| corrupt::<url::ParseError>(&row.id, error))?,
        name: AgentName::try_from(row.name).map_err(|problem| corrupt(&row.id, problem))?,
        id: parse_id(row.id)?,
    })
}

/// What a claim made of an instance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Agent<'a> {
    pub(crate) request: &'a ProvisionRequest,
    pub(crate) conversation_id: &'a str,
    pub(crate) invite_url: &'a str,
}

/// Whether a claim is on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recorded {
    Yes,
    /// The instance was condemned in the meantime.
    Lost,
    /// Another run has taken over what this claim was for.
    Superseded,
}

/// Records what a claim made of the instance that it took.
pub(crate) async fn record_claim(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
    agent: Agent<'_>,
) -> Result<Recorded, DbError> {
    let moved = sql_query(logged(
        "UPDATE instances
         SET status = $2, lease_expires_at = NULL, claimed_at = now(), last_healthy_at = now(),
             silent_since = NULL, agent_name = $3, instructions = $4, conversation_id = $5, invite_url = $6
         WHERE id = $7 AND status = $1
         RETURNING id, name, url, $8 AS cause",
    ))
    .bind::<Text, _>(Move::RECORD.from().as_str())
    .bind::<Text, _>(Move::RECORD.to().as_str())
    .bind::<Text, _>(agent.request.agent_name.as_str())
    .bind::<Text, _>(agent.request.instructions.as_str())
    .bind::<Text, _>(agent.conversation_id)
    .bind::<Text, _>(agent.invite_url)
    .bind::<Text, _>(id.as_str())
    .bind::<Text, _>(Cause::Provisioned.as_str())
    .load::<Moved>(conn)
    .await?;
    Ok(if moved.is_empty() {
        Recorded::Lost
    } else {
        Recorded::Yes
    })
}

/// Condemns the `count` oldest idle instances, or as many as there are.
pub(crate) async fn drain_oldest_idle(
    conn: &mut AsyncPgConnection,
    count: u32,
) -> Result<Vec<InstanceId>, DbError> {
    let oldest_idle = oldest_idle("");
    // ARRAY(…) runs once; after IN the planner may run the locking subquery again, and take more.
    let moved = sql_query(logged(&format!(
        "UPDATE instances SET status = $2
         WHERE id = ANY (ARRAY ({oldest_idle} SKIP LOCKED LIMIT $3))
         RETURNING id, name, url, $4 AS cause"
    )))
    .bind::<Text, _>(Move::CONDEMN_IDLE.from().as_str())
    .bind::<Text, _>(Move::CONDEMN_IDLE.to().as_str())
    .bind::<Int8, _>(i64::from(count))
    .bind::<Text, _>(Cause::Drained.as_str())
    .load::<Moved>(conn)
    .await?;
    ids(moved)
}

/// How many instances to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// What is missing to `warm` that are idle or starting, and one for each claim that waits, but no
    /// more than `at_once`.
    Deficit { warm: u32, at_once: u32 },
    /// This many, whatever is there.
    Extra(u32),
}

/// An instance whose row is written, and that Services has not been asked for yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewInstance {
    pub(crate) id: InstanceId,
    pub(crate) name: String,
}

/// Writes the rows of new instances, so that there are never more than `max_total` rows.
///
/// To be called in a transaction that has [`lock_count`](super::leases::lock_count): two at
/// once would both see room for the same instance.
pub(crate) async fn insert_starting(
    conn: &mut AsyncPgConnection,
    demand: Demand,
    max_total: u32,
    lease: Duration,
) -> Result<Vec<NewInstance>, DbError> {
    let (warm, at_once) = match demand {
        Demand::Deficit { warm, at_once } => (Some(i64::from(warm)), at_once),
        Demand::Extra(count) => (None, count),
    };
    let fresh = (0..at_once.min(max_total)).map(|_| InstanceId::generate().into());
    let moved = sql_query(logged(
        "INSERT INTO instances (id, name, status, lease_expires_at)
         SELECT id, 'convos-agent-' || id, $2, now() + make_interval(secs => $3)
         FROM unnest($4) WITH ORDINALITY AS fresh (id, number)
         WHERE number <= (
             SELECT least($6 - count(*),
                          $5 + (SELECT count(*) FROM claim_waiters WHERE lease_expires_at > now())
                             - count(*) FILTER (WHERE status IN ('idle', 'starting')))
             FROM instances)
         RETURNING id, name, url, $7 AS cause",
    ))
    .bind::<Nullable<Text>, _>(None::<&str>)
    .bind::<Text, _>(Origin::Wanted.status().as_str())
    .bind::<Double, _>(lease.as_secs_f64())
    .bind::<Array<Text>, _>(fresh.collect::<Vec<String>>())
    .bind::<Nullable<Int8>, _>(warm)
    .bind::<Int8, _>(i64::from(max_total))
    .bind::<Text, _>(Origin::Wanted.cause().as_str())
    .load::<Moved>(conn)
    .await?;
    moved
        .into_iter()
        .map(|row| {
            Ok(NewInstance {
                name: row.name,
                id: parse_id(row.id)?,
            })
        })
        .collect()
}

/// Writes anew, as condemned, the rows of instances that were thought gone; answers of which.
pub(crate) async fn insert_reappeared(
    conn: &mut AsyncPgConnection,
    strays: &[InstanceId],
) -> Result<Vec<InstanceId>, DbError> {
    if strays.is_empty() {
        return Ok(Vec::new());
    }
    let strays: Vec<&str> = strays.iter().map(InstanceId::as_str).collect();
    let moved = sql_query(logged(
        "INSERT INTO instances (id, name, status)
         SELECT id, 'convos-agent-' || id, $2 FROM unnest($3) AS stray (id)
         ON CONFLICT (id) DO NOTHING
         RETURNING id, name, url, $4 AS cause",
    ))
    .bind::<Nullable<Text>, _>(None::<&str>)
    .bind::<Text, _>(Origin::Reappeared.status().as_str())
    .bind::<Array<Text>, _>(strays)
    .bind::<Text, _>(Origin::Reappeared.cause().as_str())
    .load::<Moved>(conn)
    .await?;
    ids(moved)
}

/// Deletes the row of an instance of which nothing is left.
pub(crate) async fn delete_destroyed(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
) -> Result<(), DbError> {
    sql_query(logged(
        "DELETE FROM instances WHERE id = $3 AND status = $1
         RETURNING id, name, url, $4 AS cause",
    ))
    .bind::<Text, _>(Status::Destroying.as_str())
    .bind::<Nullable<Text>, _>(None::<&str>)
    .bind::<Text, _>(id.as_str())
    .bind::<Text, _>(Cause::Destroyed.as_str())
    .load::<Moved>(conn)
    .await?;
    Ok(())
}
