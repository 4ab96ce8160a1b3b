//! Reads table `instances`, and stores health observations.

use std::collections::BTreeMap;
use std::time::Duration;

use agent_pool_core::wire::pool::{Counts, InstanceView, Runs, Status};
use agent_pool_core::{InstanceId, ParseIdError, PoolName, RecipeHash, chain};
use agent_pool_service_kit::cipher::Cipher;
use agent_pool_service_kit::db::{DbError, before};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::{count_star, sql};
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, Bool, Int8, Integer, Jsonb, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use tracing::warn;
use url::Url;

use super::prepared::Prepared;
use super::row::{Maker, corrupt, parse_id, parse_pool, parse_status};
use super::schema::instances;
use super::sealed::Column;
use super::tick_state::Epoch;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = instances)]
pub(crate) struct Row {
    id: String,
    name: String,
    url: Option<String>,
    status: String,
    agent_name: Option<String>,
    conversation_id: Option<String>,
    invite_url: Option<String>,
    created_at: DateTime<Utc>,
    claimed_at: Option<DateTime<Utc>>,
    last_healthy_at: Option<DateTime<Utc>>,
    lease_expires_at: Option<DateTime<Utc>>,
    pool: String,
    // The Diesel schema has no room for another column.
    #[diesel(select_expression = sql::<Bool>("instances.protected"))]
    #[diesel(select_expression_type = SqlLiteral<Bool>)]
    protected: bool,
    // Not in the Diesel schema, which is limited to 16 columns.
    #[diesel(select_expression = sql("instances.made_from"))]
    #[diesel(select_expression_type = SqlLiteral<Nullable<Text>>)]
    made_from: Option<String>,
    #[diesel(select_expression = sql("instances.runs"))]
    #[diesel(select_expression_type = SqlLiteral<Nullable<Jsonb>>)]
    runs: Option<Value>,
    #[diesel(select_expression = sql("instances.ttl_seconds"))]
    #[diesel(select_expression_type = SqlLiteral<Nullable<Integer>>)]
    ttl_seconds: Option<i32>,
}

fn parse_url(id: &str, url: Option<String>) -> Result<Option<Url>, DbError> {
    url.map(|url| url.parse())
        .transpose()
        .map_err(|error: url::ParseError| corrupt(id, error))
}

fn parse_made_from(id: &str, hash: Option<String>) -> Result<Option<RecipeHash>, DbError> {
    let hash = hash.map(|hash| hash.parse()).transpose();
    hash.map_err(|error: ParseIdError| corrupt(id, error))
}

fn parse_runs(id: &str, stored: Option<Value>) -> Result<Option<Runs>, DbError> {
    let runs = stored.map(serde_json::from_value).transpose();
    runs.map_err(|error| corrupt(id, error))
}

impl Row {
    /// The instance, with its invite link unless that cannot be decrypted.
    pub(crate) fn open(self, cipher: &Cipher) -> Result<InstanceView, DbError> {
        let status = parse_status(&self.id, &self.status)?;
        let made_from = parse_made_from(&self.id, self.made_from)?;
        let runs = parse_runs(&self.id, self.runs)?;
        let ttl = self.ttl_seconds.map(|ttl| TimeDelta::seconds(ttl.into()));
        let ends_at = self.claimed_at.zip(ttl).map(|(claimed, ttl)| claimed + ttl);
        let link = self.invite_url.as_deref();
        let invite_url = link.and_then(|link| open_invite(cipher, &self.id, link));
        Ok(InstanceView {
            status,
            url: parse_url(&self.id, self.url)?,
            pool: parse_pool(&self.id, &self.pool)?,
            id: parse_id(self.id)?,
            name: self.name,
            conversation_id: self.conversation_id,
            invite_url,
            created_at: self.created_at,
            claimed_at: self.claimed_at,
            last_healthy_at: self.last_healthy_at,
            // A claim in progress has no agent yet; a claim that waits for a person has one.
            accept_by: self
                .lease_expires_at
                .filter(|_| status == Status::Claiming && self.agent_name.is_some()),
            agent_name: self.agent_name,
            ends_at: ends_at.filter(|_| status == Status::Claimed),
            protected: self.protected,
            made_from,
            runs,
        })
    }
}

/// A lost encryption key must not hide the fleet.
fn open_invite(cipher: &Cipher, id: &str, stored: &str) -> Option<String> {
    match Column::INVITE_URL.open(cipher, id, stored) {
        Ok(link) => Some(link.expose().to_owned()),
        Err(error) => {
            warn!(instance.id = %id, error.chain = chain(&error), "an invite link cannot be shown: {error}");
            None
        }
    }
}

/// Every instance, oldest first.
pub(crate) async fn load_all(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
) -> Result<Vec<InstanceView>, DbError> {
    let rows: Vec<Row> = instances::table
        .order((instances::created_at, instances::id))
        .select(Row::as_select())
        .load(conn)
        .await?;
    rows.into_iter().map(|row| row.open(cipher)).collect()
}

/// One instance, if it exists.
pub(crate) async fn find(
    conn: &mut AsyncPgConnection,
    cipher: &Cipher,
    id: &InstanceId,
) -> Result<Option<InstanceView>, DbError> {
    let row: Option<Row> = instances::table
        .find(id.as_str())
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()?;
    row.map(|row| row.open(cipher)).transpose()
}

/// The status of an instance; `None` if there is no such instance.
pub(crate) async fn find_status(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
) -> Result<Option<Status>, DbError> {
    let word: Option<String> = instances::table
        .find(id.as_str())
        .select(instances::status)
        .first(conn)
        .await
        .optional()?;
    word.map(|word| parse_status(id.as_str(), &word))
        .transpose()
}

/// The instances of a pool that have this status.
pub(crate) async fn load_ids(
    conn: &mut AsyncPgConnection,
    pool: &PoolName,
    status: Status,
) -> Result<Vec<InstanceId>, DbError> {
    let ids: Vec<String> = instances::table
        .filter(instances::pool.eq(pool.as_str()))
        .filter(instances::status.eq(status.as_str()))
        .select(instances::id)
        .load(conn)
        .await?;
    ids.into_iter().map(parse_id).collect()
}

/// How many instances are in each status.
pub(crate) async fn count(conn: &mut AsyncPgConnection) -> Result<Counts, DbError> {
    let rows: Vec<(String, i64)> = instances::table
        .group_by(instances::status)
        .select((instances::status, count_star()))
        .load(conn)
        .await?;
    let mut counts = Counts::default();
    for (word, number) in rows {
        let status = parse_status("(count)", &word)?;
        *count_mut(&mut counts, status) = u32::try_from(number).unwrap_or(u32::MAX);
    }
    Ok(counts)
}

/// How many instances of each pool are in each status. A pool without instances is absent.
pub(crate) async fn count_by_pool(
    conn: &mut AsyncPgConnection,
) -> Result<BTreeMap<String, Counts>, DbError> {
    let rows: Vec<(String, String, i64)> = instances::table
        .group_by((instances::pool, instances::status))
        .select((instances::pool, instances::status, count_star()))
        .load(conn)
        .await?;
    let mut all: BTreeMap<String, Counts> = BTreeMap::new();
    for (pool, word, number) in rows {
        let status = parse_status("(count)", &word)?;
        *count_mut(all.entry(pool).or_default(), status) =
            u32::try_from(number).unwrap_or(u32::MAX);
    }
    Ok(all)
}

/// The count of one status.
pub(crate) fn count_mut(counts: &mut Counts, status: Status) -> &mut u32 {
    match status {
        Status::Starting => &mut counts.starting,
        Status::Idle => &mut counts.idle,
        Status::Claiming => &mut counts.claiming,
        Status::Claimed => &mut counts.claimed,
        Status::Crashed => &mut counts.crashed,
        Status::Destroying => &mut counts.destroying,
    }
}

/// Counts loaded instances.
pub(crate) fn count_loaded(instances: &[InstanceView]) -> Counts {
    let mut counts = Counts::default();
    for instance in instances {
        *count_mut(&mut counts, instance.status) += 1;
    }
    counts
}

/// An instance that answered its health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HealthyInstance {
    pub(crate) id: InstanceId,
    /// Its URL according to Services.
    pub(crate) url: Option<Url>,
}

/// Stores that instances are healthy now, and their URLs according to Services.
pub(crate) async fn note_healthy(
    conn: &mut AsyncPgConnection,
    healthy: &[HealthyInstance],
) -> Result<(), DbError> {
    if healthy.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = healthy.iter().map(|one| one.id.as_str()).collect();
    let urls: Vec<Option<&str>> = healthy
        .iter()
        .map(|one| one.url.as_ref().map(Url::as_str))
        .collect();
    // Diesel has no UPDATE from arrays. A row without a URL belongs to a creation in progress: its URL is stored
    // together with the end of the lease.
    sql_query(
        "UPDATE instances AS i
         SET last_healthy_at = now(), silent_since = NULL, url = coalesce(seen.url, i.url),
             made_at = CASE WHEN i.url IS NULL THEN now() ELSE i.made_at END,
             lease_expires_at = CASE WHEN i.status = 'claiming' THEN i.lease_expires_at END
         FROM unnest($1, $2) AS seen (id, url)
         WHERE i.id = seen.id AND i.status IN ('starting', 'idle', 'claiming', 'claimed')
           AND coalesce(seen.url, i.url) IS NOT NULL",
    )
    .bind::<Array<Text>, _>(ids)
    .bind::<Array<Nullable<Text>>, _>(urls)
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores since when instances are unhealthy, if that is not stored yet.
pub(crate) async fn note_silent(
    conn: &mut AsyncPgConnection,
    silent: &[InstanceId],
) -> Result<(), DbError> {
    if silent.is_empty() {
        return Ok(());
    }
    let silent: Vec<&str> = silent.iter().map(InstanceId::as_str).collect();
    let watched = ["starting", "idle", "claimed"];
    diesel::update(instances::table)
        .filter(instances::id.eq_any(silent))
        .filter(instances::status.eq_any(watched))
        .filter(instances::silent_since.is_null())
        .set(instances::silent_since.eq(diesel::dsl::now))
        .execute(conn)
        .await?;
    Ok(())
}

/// Stores that instances are still healthy. Rows that are locked are left to the next tick. A tick that was taken over
/// stores nothing.
pub(crate) async fn note_still_healthy(
    conn: &mut AsyncPgConnection,
    epoch: Epoch,
    ids: &[InstanceId],
) -> Result<(), DbError> {
    let ids: Vec<&str> = ids.iter().map(InstanceId::as_str).collect();
    // sql_query: Diesel has no UPDATE by a locking subquery.
    Prepared(
        sql_query(
            "UPDATE instances SET last_healthy_at = now()
             WHERE id = ANY (ARRAY (
                 SELECT id FROM instances
                 WHERE id = ANY ($1) AND status IN ('starting', 'idle', 'claiming', 'claimed')
                   AND EXISTS (SELECT FROM tick_state WHERE epoch = $2)
                 FOR UPDATE OF instances SKIP LOCKED))",
        )
        .bind::<Array<Text>, _>(ids)
        .bind::<Int8, _>(epoch.number()),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The URL of an instance's runtime, and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RuntimeAddress {
    pub(crate) id: InstanceId,
    pub(crate) url: Url,
    /// The key of its runtime, sealed.
    pub(crate) runtime_key: Option<String>,
    pub(crate) maker: Maker,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = instances)]
struct RuntimeRow {
    id: String,
    url: Option<String>,
    runtime_key: Option<String>,
    // See schema.rs.
    #[diesel(select_expression = sql("instances.adopted_at IS NOT NULL"))]
    #[diesel(select_expression_type = SqlLiteral<Bool>)]
    adopted: bool,
}

/// Instances that were created longer than `age` ago and are not idle yet, the youngest first.
pub(crate) async fn load_unwatched(
    conn: &mut AsyncPgConnection,
    age: Duration,
    limit: u16,
) -> Result<Vec<RuntimeAddress>, DbError> {
    let rows: Vec<RuntimeRow> = instances::table
        .filter(instances::status.eq(Status::Starting.as_str()))
        .filter(instances::url.is_not_null())
        .filter(instances::made_at.lt(before!(age).nullable()))
        .order(instances::made_at.desc())
        .limit(limit.into())
        .select(RuntimeRow::as_select())
        .load(conn)
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The URL of an instance's runtime; `None` if the instance does not exist or is not made yet.
pub(crate) async fn find_runtime(
    conn: &mut AsyncPgConnection,
    id: &InstanceId,
) -> Result<Option<RuntimeAddress>, DbError> {
    let row: Option<RuntimeRow> = instances::table
        .find(id.as_str())
        .filter(instances::url.is_not_null())
        .select(RuntimeRow::as_select())
        .first(conn)
        .await
        .optional()?;
    row.map(TryInto::try_into).transpose()
}

impl TryFrom<RuntimeRow> for RuntimeAddress {
    type Error = DbError;

    fn try_from(row: RuntimeRow) -> Result<Self, DbError> {
        let url = parse_url(&row.id, row.url)?;
        Ok(Self {
            url: url.ok_or_else(|| corrupt(&row.id, "it has no URL"))?,
            id: parse_id(row.id)?,
            runtime_key: row.runtime_key,
            maker: Maker::when_adopted(row.adopted),
        })
    }
}
