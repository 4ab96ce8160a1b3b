//! The whole fleet, as a tick loads it.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::wire::pool::{Runs, Status};
use agent_pool_core::{InstanceId, RecipeHash};
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::{Stream, StreamExt};

use super::row::{corrupt, parse_id, parse_status};
use super::schema::instances;
use super::tick_state::Clock;

/// An instance, as a tick loads it. Times are by the database's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FleetRow {
    pub(crate) id: InstanceId,
    pub(crate) status: Status,
    /// The name of its pool.
    pub(crate) pool: Arc<str>,
    pub(crate) url: Option<String>,
    /// Since its creation ended, or else since its row was written.
    pub(crate) age: Duration,
    /// Whether it is stored as unhealthy.
    pub(crate) silent: bool,
    /// Since it was first found unhealthy, as far back as the fleet was watched without a gap.
    pub(crate) silent_for: Duration,
    /// Since it was last stored as healthy; its age if it never was.
    pub(crate) noted_before: Duration,
    pub(crate) lease: Lease,
    /// Whether its agent waits, or waited, to be accepted into a conversation.
    pub(crate) pending: bool,
    /// Whether it is an agent whose claim sets when it ends.
    pub(crate) limited: bool,
    /// The stored recipe that it was made from.
    pub(crate) made_from: Option<Arc<RecipeHash>>,
    /// What it runs, as stored.
    pub(crate) runs: Option<Arc<Runs>>,
}

/// Whether a task works on a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lease {
    Nobody,
    Held,
    Expired,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = instances)]
struct Row {
    id: String,
    status: String,
    pool: String,
    url: Option<String>,
    created_at: DateTime<Utc>,
    made_at: Option<DateTime<Utc>>,
    last_healthy_at: Option<DateTime<Utc>>,
    silent_since: Option<DateTime<Utc>>,
    lease_expires_at: Option<DateTime<Utc>>,
    #[diesel(select_expression = instances::agent_name.is_not_null())]
    pending: bool,
    #[diesel(select_expression = sql("(ttl_seconds IS NOT NULL AND status = 'claimed')"))]
    #[diesel(select_expression_type = SqlLiteral<Bool>)]
    limited: bool,
    #[diesel(select_expression = sql("made_from"))]
    #[diesel(select_expression_type = SqlLiteral<Nullable<Text>>)]
    made_from: Option<String>,
    #[diesel(select_expression = sql("runs::text"))]
    #[diesel(select_expression_type = SqlLiteral<Nullable<Text>>)]
    runs: Option<String>,
}

/// Every instance. The rows are as they were when the first one arrives; the others may still be in transfer then.
pub(crate) async fn stream(
    conn: &mut AsyncPgConnection,
    clock: Clock,
) -> Result<impl Stream<Item = Result<FleetRow, DbError>> + Send + use<'_>, DbError> {
    let rows = instances::table
        .select(Row::as_select())
        .load_stream::<Row>(conn)
        .await?;
    let mut same = Same::default();
    // Fused: the driver reports a closed connection if it is polled again after the last row.
    Ok(rows
        .map(move |row| same.row(row.map_err(DbError::from)?, clock))
        .fuse())
}

/// The values that a row shares with the one before it: most have the same pool and run the same.
#[derive(Default)]
struct Same {
    pool: Shared<str>,
    made_from: Shared<RecipeHash>,
    runs: Shared<Runs>,
}

impl Same {
    /// The row as a tick with this clock judges it.
    fn row(&mut self, row: Row, clock: Clock) -> Result<FleetRow, DbError> {
        let id = row.id.as_str();
        let since = |time: DateTime<Utc>| age(clock.now, time);
        let watched = row.silent_since.zip(clock.watched_since);
        let (made_from, runs) = (row.made_from.as_deref(), row.runs.as_deref());
        Ok(FleetRow {
            status: parse_status(id, &row.status)?,
            pool: self.pool.get(&row.pool, |text| Ok(text.into()))?,
            age: since(row.made_at.unwrap_or(row.created_at)),
            silent: row.silent_since.is_some(),
            silent_for: watched
                .map(|(silent, watched)| since(silent.max(watched)))
                .unwrap_or_default(),
            noted_before: since(row.last_healthy_at.unwrap_or(row.created_at)),
            lease: match row.lease_expires_at {
                None => Lease::Nobody,
                Some(end) if end <= clock.now => Lease::Expired,
                Some(_) => Lease::Held,
            },
            pending: row.pending,
            limited: row.limited,
            made_from: made_from
                .map(|text| self.made_from.get(text, |text| parsed(id, text.parse())))
                .transpose()?,
            runs: runs
                .map(|text| {
                    self.runs
                        .get(text, |text| parsed(id, serde_json::from_str(text)))
                })
                .transpose()?,
            url: row.url,
            id: parse_id(row.id)?,
        })
    }
}

fn parsed<T, E: Display>(id: &str, result: Result<T, E>) -> Result<Arc<T>, DbError> {
    result.map(Arc::new).map_err(|error| corrupt(id, error))
}

/// The value of the last row that had one, and its text.
struct Shared<T: ?Sized>(Option<(String, Arc<T>)>);

impl<T: ?Sized> Default for Shared<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: ?Sized> Shared<T> {
    fn get(
        &mut self,
        text: &str,
        parse: impl FnOnce(&str) -> Result<Arc<T>, DbError>,
    ) -> Result<Arc<T>, DbError> {
        if let Some((last, value)) = &self.0
            && last == text
        {
            return Ok(Arc::clone(value));
        }
        let value = parse(text)?;
        self.0 = Some((text.to_owned(), Arc::clone(&value)));
        Ok(value)
    }
}

/// A clock that was set back must not make a negative time.
fn age(now: DateTime<Utc>, then: DateTime<Utc>) -> Duration {
    (now - then).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;
    use crate::db::test_database::{fresh_conn, run};

    const HOUR: Duration = Duration::from_hours(1);

    /// By the database's clock, which has a resolution of a microsecond.
    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp_micros(Utc::now().timestamp_micros()).unwrap()
    }

    async fn load_these(rows: &str) -> Vec<FleetRow> {
        let mut conn = fresh_conn().await;
        let now = now();
        let insert = format!(
            "INSERT INTO instances (id, name, status, pool, url, created_at, last_healthy_at, silent_since,
                                    lease_expires_at, made_from, runs)
             SELECT id, id, status, pool, url, at - made * hour, at - healthy * hour, at - silent * hour,
                    at + lease * hour, made_from, runs::jsonb
             FROM (VALUES {rows})
                      AS row (id, status, pool, url, made, healthy, silent, lease, made_from, runs),
                  (SELECT timestamptz '{}' AS at, interval '1 h' AS hour) AS clock",
            now.to_rfc3339()
        );
        run(&mut conn, &insert).await;
        let watched_since = Some(now - HOUR);
        let clock = Clock { now, watched_since };
        let rows = stream(&mut conn, clock).await.unwrap();
        let mut fleet: Vec<FleetRow> = rows.try_collect().await.unwrap();
        fleet.sort_by_key(|row| row.id.to_string());
        fleet
    }

    fn hours(age: Duration) -> u64 {
        age.as_secs() / HOUR.as_secs()
    }

    #[tokio::test]
    async fn instances_have_their_addresses_and_what_they_run() {
        let fleet = load_these(
            "('aaaaaaaaaaaa', 'idle', 'default', 'http://a/', 9, 1, NULL::int, NULL::int, NULL, NULL),
             ('bbbbbbbbbbbb', 'idle', 'default', 'http://b/', 3, 0, NULL, NULL, '00c0ffee00c0ffee', '{\"image\": \"x:1\"}'),
             ('cccccccccccc', 'idle', 'default', 'http://c/', 3, 1, NULL, NULL, '00c0ffee00c0ffee', '{\"image\": \"x:1\"}'),
             ('dddddddddddd', 'idle', 'other', 'http://d/', 3, 1, NULL, NULL, NULL, '{\"image\": \"x:2\"}')",
        )
        .await;
        let seen = fleet.iter().map(|row| {
            let image = row.runs.as_ref().and_then(|runs| runs.image.as_deref());
            let url = row.url.as_deref().unwrap_or_default();
            (&*row.pool, url, row.made_from.is_some(), image)
        });
        let expected = [
            ("default", "http://a/", false, None),
            ("default", "http://b/", true, Some("x:1")),
            ("default", "http://c/", true, Some("x:1")),
            ("other", "http://d/", false, Some("x:2")),
        ];
        assert!(seen.eq(expected), "{fleet:?}");
    }

    #[tokio::test]
    async fn every_instance_has_its_own_times() {
        let fleet = load_these(
            "('aaaaaaaaaaaa', 'idle', 'default', 'http://a/', 1, 1, NULL::int, NULL::int, NULL, NULL),
             ('bbbbbbbbbbbb', 'idle', 'default', 'http://b/', 4, 2, NULL, NULL, NULL, NULL),
             ('cccccccccccc', 'idle', 'default', 'http://c/', 4, 1, 2, NULL, NULL, NULL),
             ('dddddddddddd', 'starting', 'default', NULL, 3, NULL, NULL, 1, NULL, NULL),
             ('eeeeeeeeeeee', 'starting', 'default', NULL, 3, NULL, NULL, -1, NULL, NULL)",
        )
        .await;
        let times = fleet.iter().map(|row| {
            let silent = row.silent.then(|| hours(row.silent_for));
            (hours(row.age), hours(row.noted_before), silent, row.lease)
        });
        let expected = [
            (1, 1, None, Lease::Nobody),
            (4, 2, None, Lease::Nobody),
            // Unhealthy time counts only while the fleet was watched.
            (4, 1, Some(1), Lease::Nobody),
            (3, 3, None, Lease::Held),
            (3, 3, None, Lease::Expired),
        ];
        assert!(times.eq(expected), "{fleet:?}");
    }
}
