//! What is read of table `instances`.

use std::time::Duration;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{Counts, InstanceView, Status};
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, Bool, Double, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use url::Url;

use super::row::{corrupt, parse_id, parse_status};
use super::schema::instances;

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
}

fn parse_url(id: &str, url: Option<String>) -> Result<Option<Url>, DbError> {
    url.map(|url| url.parse())
        .transpose()
        .map_err(|error: url::ParseError| corrupt(id, error))
}

impl TryFrom<Row> for InstanceView {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        Ok(Self {
            status: parse_status(&row.id, &row.status)?,
            url: parse_url(&row.id, row.url)?,
            id: parse_id(row.id)?,
            name: row.name,
            agent_name: row.agent_name,
            conversation_id: row.conversation_id,
            invite_url: row.invite_url,
            created_at: row.created_at,
            claimed_at: row.claimed_at,
            last_healthy_at: row.last_healthy_at,
        })
    }
}

/// Every instance, oldest first.
pub(crate) async fn load_all(conn: &mut AsyncPgConnection) -> Result<Vec<InstanceView>, DbError> {
    let rows: Vec<Row> = instances::table
        .order((instances::created_at, instances::id))
        .select(Row::as_select())
        .load(conn)
        .await?;
    rows.into_iter().map(InstanceView::try_from).collect()
}

/// What an instance is now; `None` where there is no such instance.
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
        *of(&mut counts, status) = u32::try_from(number).unwrap_or(u32::MAX);
    }
    Ok(counts)
}

/// The count of one status.
pub(crate) fn of(counts: &mut Counts, status: Status) -> &mut u32 {
    match status {
        Status::Starting => &mut counts.starting,
        Status::Idle => &mut counts.idle,
        Status::Claiming => &mut counts.claiming,
        Status::Claimed => &mut counts.claimed,
        Status::Crashed => &mut counts.crashed,
        Status::Destroying => &mut counts.destroying,
    }
}

/// Counts instances that are loaded already.
pub(crate) fn count_loaded(instances: &[InstanceView]) -> Counts {
    let mut counts = Counts::default();
    for instance in instances {
        *of(&mut counts, instance.status) += 1;
    }
    counts
}

/// An instance as a tick finds it. Times are by the database's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FleetRow {
    pub(crate) id: InstanceId,
    pub(crate) status: Status,
    pub(crate) has_url: bool,
    /// Since its creation ended, or else since its row was written.
    pub(crate) age: Duration,
    /// Since it was first found not healthy, as far back as the fleet was watched without a break.
    pub(crate) silent_for: Duration,
    pub(crate) lease: Lease,
}

/// Whether a task works on a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lease {
    Nobody,
    Held,
    Expired,
}

#[derive(Debug, QueryableByName)]
struct RawFleetRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Bool)]
    has_url: bool,
    #[diesel(sql_type = Double)]
    age: f64,
    #[diesel(sql_type = Double)]
    silent_for: f64,
    #[diesel(sql_type = Nullable<Bool>)]
    expired: Option<bool>,
}

impl TryFrom<RawFleetRow> for FleetRow {
    type Error = DbError;

    fn try_from(row: RawFleetRow) -> Result<Self, DbError> {
        Ok(Self {
            status: parse_status(&row.id, &row.status)?,
            id: parse_id(row.id)?,
            has_url: row.has_url,
            age: seconds(row.age),
            silent_for: seconds(row.silent_for),
            lease: match row.expired {
                None => Lease::Nobody,
                Some(false) => Lease::Held,
                Some(true) => Lease::Expired,
            },
        })
    }
}

/// A clock that was set back makes no negative time.
fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or_default()
}

/// Every instance, as far as a tick judges by it.
pub(crate) async fn load_fleet(conn: &mut AsyncPgConnection) -> Result<Vec<FleetRow>, DbError> {
    // Diesel has no expression for an age in seconds.
    let rows: Vec<RawFleetRow> = sql_query(
        "SELECT id, status, url IS NOT NULL AS has_url,
                extract(epoch FROM now() - coalesce(made_at, created_at))::float8 AS age,
                CASE WHEN silent_since IS NULL OR watched_since IS NULL THEN 0
                     ELSE extract(epoch FROM now() - greatest(silent_since, watched_since))::float8
                END AS silent_for,
                lease_expires_at <= now() AS expired
         FROM instances, tick_state",
    )
    .load(conn)
    .await?;
    rows.into_iter().map(FleetRow::try_from).collect()
}

/// An instance that answered its health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HealthyInstance {
    pub(crate) id: InstanceId,
    /// Where Services says that it is.
    pub(crate) url: Option<Url>,
}

/// Notes that instances are healthy now, and where Services says that they are.
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
    // Diesel has no UPDATE from arrays. A row without a URL is somebody's creation: its URL is
    // stored with the end of the lease, so that the two go together.
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

/// Notes since when instances are not healthy, where that is not noted yet.
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
