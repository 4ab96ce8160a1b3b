//! The two moves of a claim: taking idle instances, and recording the agents.
//!
//! Each statement serves all claims of a replica that arrive together. They use `sql_query`, because Diesel has no
//! statement that modifies inside a `WITH`.

use std::time::Duration;

use agent_pool_core::wire::AgentName;
use agent_pool_core::wire::pool::Ttl;
use agent_pool_core::wire::runtime::ProvisionRequest;
use agent_pool_core::{InstanceId, Secret, ToolId};
use agent_pool_service_kit::auth::Principal;
use agent_pool_service_kit::cipher::Cipher;
use agent_pool_service_kit::db::DbError;
use diesel::sql_types::{Array, Binary, Bool, Double, Int8, Integer, Jsonb, Nullable, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use url::Url;

use super::moves::{self, Moved, Rest, ids, logged};
use super::prepared::Prepared;
use super::row::{Maker, corrupt, parse_id};
use super::sealed::Column;
use crate::lifecycle::{Cause, Move};

/// An instance that only the claim that took it may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TakenInstance {
    pub(crate) id: InstanceId,
    pub(crate) name: AgentName,
    pub(crate) url: Url,
    /// The key of its runtime, sealed; `None` if it has no key of its own.
    pub(crate) runtime_key: Option<String>,
    pub(crate) maker: Maker,
    /// The tools that the claim makes, according to the recipe with which its creation began.
    pub(crate) claim_tools: Vec<ToolId>,
}

#[derive(Debug, QueryableByName)]
struct TakenRow {
    #[diesel(embed)]
    moved: Moved,
    #[diesel(sql_type = Nullable<Text>)]
    runtime_key: Option<String>,
    #[diesel(sql_type = Bool)]
    adopted: bool,
    #[diesel(sql_type = Nullable<Jsonb>)]
    claim_tools: Option<Value>,
}

/// The position of a claim in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueuePosition {
    /// Behind all waiting claims: it has just arrived.
    Newcomer,
    /// Behind the claims that began to wait earlier.
    Waiter(i64),
    /// Ahead of all waiting claims: it has been served before, and they came later.
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

/// What to take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taking<'a> {
    /// The name of the pool.
    pub(crate) pool: &'a str,
    pub(crate) position: QueuePosition,
    pub(crate) except: &'a [InstanceId],
    pub(crate) lease: Duration,
    /// The principal of each claim.
    pub(crate) claims: &'a [Option<Principal>],
}

/// What a claim does with rows that another statement has locked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Locked {
    /// Skips them, so that claims do not queue behind each other.
    Skip,
    /// Waits for them: they may be locked by something other than a claim.
    Await,
}

/// $1 and $2: the claims' principals, in the order of the claims. $3: seconds of the lease. $4: number in
/// the queue. $5: ids to pass over. $6: the pool.
pub(super) fn take_sql(locked: Locked) -> String {
    let locked = match locked {
        Locked::Skip => "SKIP LOCKED",
        Locked::Await => "",
    };
    let (from, to) = (Move::TAKE.from().as_str(), Move::TAKE.to().as_str());
    let cause = Cause::Claim.as_str();
    // NOT EXISTS keeps the queue fair across replicas: the statement that takes an instance also checks that no earlier
    // claim waits, so no replica has to know the whole queue.
    // ARRAY(…) runs once; after IN the planner may run the locking subquery again, and take more.
    // The number is hidden in a subquery, or Postgres plans anew for each number, which takes longer than the claim.
    let change = format!(
        "UPDATE instances SET status = '{to}', lease_expires_at = now() + make_interval(secs => $3)
         WHERE id = ANY (ARRAY (
             SELECT id FROM instances
             WHERE status = '{from}' AND pool = $6 AND NOT protected AND id <> ALL ($5) AND NOT EXISTS (
                 SELECT FROM claim_waiters AS ahead
                 WHERE ahead.pool = $6 AND ahead.id < $4 AND ahead.lease_expires_at > now())
             ORDER BY created_at LIMIT (SELECT cardinality($1)) FOR UPDATE {locked}))
         RETURNING id, name, url, pool, runtime_key, adopted_at IS NOT NULL AS adopted,
                   recipe -> 'claimTools' AS claim_tools, created_at, '{cause}' AS cause"
    );
    let rest = Rest {
        parts: ", served AS (
             DELETE FROM claim_waiters WHERE id = $4 AND EXISTS (SELECT FROM moved)
             RETURNING pg_notify('agent_pool_claims', ''))",
        columns: "id, name, url, runtime_key, adopted, claim_tools",
        order: "ORDER BY created_at, id",
        by: "claim.principal, claim.source",
        source: "(SELECT *, row_number() OVER (ORDER BY created_at, id) AS number FROM moved) AS taken
             JOIN unnest($1, $2) WITH ORDINALITY AS claim (principal, source, number) USING (number)",
    };
    logged(
        Some(Move::TAKE.from()),
        Some(Move::TAKE.to()),
        &change,
        rest,
    )
}

/// The two statements of a claim, with the parameters of one claim, as the baseline that `bench` runs with pgbench. The
/// first returns the `id` that the second has as a variable.
#[must_use]
pub fn claim_statements() -> [String; 2] {
    let fill = |statement: String, values: &[&str]| {
        let numbered = values.iter().enumerate();
        numbered.fold(statement, |text, (index, value)| {
            text.replace(&format!("${}", index + 1), value)
        })
    };
    let nobody = "ARRAY[NULL]::text[]";
    let take = ["60", "9223372036854775807", "'{}'::text[]", "'default'"];
    let take = [nobody, nobody, take[0], take[1], take[2], take[3]];
    let text = "ARRAY['x']::text[]";
    let record = [
        "ARRAY[:id]::text[]",
        text,
        text,
        text,
        text,
        "ARRAY[NULL]::bytea[]",
        nobody,
        nobody,
        "ARRAY[NULL]::integer[]",
    ];
    [
        fill(take_sql(Locked::Skip), &take),
        fill(record_sql(), &record),
    ]
}

/// Takes the oldest idle instances that no other claim is taking. Returns fewer than requested if there are not enough,
/// and none if other claims are ahead in the queue. A waiter that takes one leaves the queue.
///
/// Rows may be locked briefly by something other than a claim. So if too few are free, the claim waits for the locked
/// ones before it reports that there are none.
pub(crate) async fn take_oldest_idle(
    conn: &mut AsyncPgConnection,
    taking: Taking<'_>,
) -> Result<Vec<TakenInstance>, DbError> {
    let except: Vec<&str> = taking.except.iter().map(InstanceId::as_str).collect();
    let mut taken = Vec::new();
    for locked in [Locked::Skip, Locked::Await] {
        let claims = &taking.claims[taken.len()..];
        if claims.is_empty() {
            break;
        }
        let moved = Prepared(
            sql_query(take_sql(locked))
                .bind::<Array<Nullable<Text>>, _>(names(claims))
                .bind::<Array<Nullable<Text>>, _>(sources(claims))
                .bind::<Double, _>(taking.lease.as_secs_f64())
                .bind::<Int8, _>(taking.position.number())
                .bind::<Array<Text>, _>(&except)
                .bind::<Text, _>(taking.pool),
        );
        for row in moved.load::<TakenRow>(conn).await? {
            taken.push(parse_taken(row)?);
        }
    }
    Ok(taken)
}

fn names(claims: &[Option<Principal>]) -> Vec<Option<String>> {
    let name = |by: &Option<Principal>| by.as_ref().map(|by| by.name.clone());
    claims.iter().map(name).collect()
}

fn sources(claims: &[Option<Principal>]) -> Vec<Option<String>> {
    let source = |by: &Option<Principal>| Some(by.as_ref()?.source?.to_string());
    claims.iter().map(source).collect()
}

fn parse_taken(row: TakenRow) -> Result<TakenInstance, DbError> {
    let TakenRow {
        moved: row,
        runtime_key,
        adopted,
        claim_tools,
    } = row;
    let claim_tools = claim_tools.map(serde_json::from_value).transpose();
    let url = row.url.as_deref().unwrap_or_default().parse();
    Ok(TakenInstance {
        url: url.map_err(|error| corrupt::<url::ParseError>(&row.id, error))?,
        name: AgentName::try_from(row.name).map_err(|problem| corrupt(&row.id, problem))?,
        claim_tools: claim_tools
            .map_err(|error| corrupt(&row.id, error))?
            .unwrap_or_default(),
        id: parse_id(row.id)?,
        runtime_key,
        maker: Maker::when_adopted(adopted),
    })
}

/// The agent that a claim turned its instance into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewAgent {
    pub(crate) id: InstanceId,
    pub(crate) by: Option<Principal>,
    pub(crate) request: ProvisionRequest,
    /// After how many seconds it is ended, if its claim says so.
    pub(crate) ttl: Option<Ttl>,
    pub(crate) conversation_id: String,
    pub(crate) invite_url: String,
}

/// Whether a claim was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recorded {
    Yes,
    /// The instance was condemned meanwhile.
    Lost,
    /// Another run has taken over the key of the claim.
    Superseded,
}

/// $1 to $6 and $9: the agents, one parameter per column. $7 and $8: the claims' principals.
///
/// The number of claims is hidden from the planner as in [`take_sql`].
fn record_sql() -> String {
    let (from, to) = (Move::RECORD.from(), Move::RECORD.to());
    let (taken, claimed) = (from.as_str(), to.as_str());
    let cause = Cause::Provisioned.as_str();
    let change = format!(
        "UPDATE instances AS i
         SET status = '{claimed}', lease_expires_at = NULL, claimed_at = now(),
             last_healthy_at = now(), silent_since = NULL,
             agent_name = agent.name, instructions = agent.instructions,
             conversation_id = agent.conversation_id, invite_url = agent.invite_url,
             join_url_hash = agent.join_url_hash, ttl_seconds = agent.ttl_seconds
         FROM unnest((SELECT $1), $2, $3, $4, $5, $6, $7, $8, $9) AS agent
              (id, name, instructions, conversation_id, invite_url, join_url_hash, principal, source, ttl_seconds)
         WHERE i.id = agent.id AND i.status = '{taken}'
         RETURNING i.id, i.name, i.url, i.pool, '{cause}' AS cause, agent.principal, agent.source"
    );
    let rest = Rest {
        by: "principal, source",
        ..Rest::default()
    };
    logged(Some(from), Some(to), &change, rest)
}

/// Records the agents of claims. Returns the instances that were recorded; the others were condemned meanwhile.
pub(crate) async fn record(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
    agents: &[NewAgent],
) -> Result<Vec<InstanceId>, DbError> {
    let by: Vec<_> = agents.iter().map(|agent| agent.by.clone()).collect();
    let link = |agent: &NewAgent| {
        let link = agent.request.join_url.as_ref();
        link.map(|link| cipher.fingerprint(link.as_str()))
    };
    let links: Vec<Option<Vec<u8>>> = agents.iter().map(link).collect();
    let ttls: Vec<Option<i32>> = agents.iter().map(|agent| ttl_column(agent.ttl)).collect();
    let seal = |column: Column, text: fn(&NewAgent) -> &str| {
        let seal =
            |agent: &NewAgent| column.seal(cipher, agent.id.as_str(), &Secret::new(text(agent)));
        agents.iter().map(seal).collect::<Result<Vec<_>, _>>()
    };
    let instructions = seal(Column::INSTRUCTIONS, |agent| {
        agent.request.instructions.as_str()
    })?;
    let invite_urls = seal(Column::INVITE_URL, |agent| &agent.invite_url)?;
    let moved = Prepared(
        sql_query(record_sql())
            .bind::<Array<Text>, _>(column(agents, |agent| agent.id.as_str()))
            .bind::<Array<Text>, _>(column(agents, |agent| agent.request.agent_name.as_str()))
            .bind::<Array<Text>, _>(instructions)
            .bind::<Array<Text>, _>(column(agents, |agent| &agent.conversation_id))
            .bind::<Array<Text>, _>(invite_urls)
            .bind::<Array<Nullable<Binary>>, _>(links)
            .bind::<Array<Nullable<Text>>, _>(names(&by))
            .bind::<Array<Nullable<Text>>, _>(sources(&by))
            .bind::<Array<Nullable<Integer>>, _>(ttls),
    );
    ids(moved.load::<Moved>(conn).await?)
}

/// Records that the instance of a claim already runs an agent of which nothing else is known. Returns it unless it was
/// condemned meanwhile.
pub(crate) async fn keep_found(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
) -> Result<Vec<InstanceId>, DbError> {
    let (from, to) = (Move::RECORD.from(), Move::RECORD.to());
    let (taken, claimed) = (from.as_str(), to.as_str());
    let cause = Cause::FoundClaimed.as_str();
    let change = format!(
        "UPDATE instances
         SET status = '{claimed}', lease_expires_at = NULL, claimed_at = now(),
             last_healthy_at = now(), silent_since = NULL, conversation_id = 'unknown', invite_url = '',
             ttl_seconds = NULL
         WHERE id = $3 AND status = '{taken}'
         RETURNING id, name, url, pool, '{cause}' AS cause"
    );
    let moved = moves::change(Some(from), Some(to), &change).bind::<Text, _>(id.as_str());
    ids(moved.load::<Moved>(conn).await?)
}

/// A time as its column has it.
pub(super) fn ttl_column(ttl: Option<Ttl>) -> Option<i32> {
    ttl.map(|ttl| i32::try_from(ttl.seconds()).unwrap_or(i32::MAX))
}

fn column(agents: &[NewAgent], of: fn(&NewAgent) -> &str) -> Vec<&str> {
    agents.iter().map(of).collect()
}
