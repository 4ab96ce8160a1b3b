//! Reading and pruning table `instance_events`, the lifecycle log. The moves in
//! [`instances`](super::instances) and [`claims`](super::claims) write it.
//!
//! The pool recognises a former instance by the log. If an instance reappears after its entries were pruned, it is left
//! to a sweep of Services.

use agent_pool_core::wire::pool::{LifecycleEvent, Status};
use agent_pool_core::{InstanceId, PoolName};
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, Bool, Integer, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::row::{parse_id, parse_pool, parse_status};
use super::schema::instance_events;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = instance_events)]
struct Row {
    id: i64,
    instance_id: String,
    from_status: Option<String>,
    to_status: Option<String>,
    cause: String,
    at: DateTime<Utc>,
    principal: Option<String>,
    source: Option<String>,
    pool: Option<String>,
    reason: Option<String>,
}

impl TryFrom<Row> for LifecycleEvent {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let status = |word: Option<String>| -> Result<Option<Status>, DbError> {
            word.map(|word| parse_status(&row.instance_id, &word))
                .transpose()
        };
        Ok(Self {
            id: row.id,
            pool: row
                .pool
                .as_deref()
                .map(|pool| parse_pool(&row.instance_id, pool))
                .transpose()?,
            from: status(row.from_status)?,
            to: status(row.to_status)?,
            instance_id: parse_id(row.instance_id)?,
            cause: row.cause,
            principal: row.principal,
            source: row.source,
            reason: row.reason,
            at: row.at,
        })
    }
}

/// Which part of the log to load.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    pub(crate) limit: u16,
    pub(crate) before: Option<i64>,
    pub(crate) instance_id: Option<InstanceId>,
    pub(crate) pool: Option<PoolName>,
}

/// A part of the log, newest first.
pub(crate) async fn load(
    conn: &mut AsyncPgConnection,
    page: &Page,
) -> Result<Vec<LifecycleEvent>, DbError> {
    let mut query = instance_events::table
        .order(instance_events::id.desc())
        .limit(page.limit.into())
        .select(Row::as_select())
        .into_boxed();
    if let Some(before) = page.before {
        query = query.filter(instance_events::id.lt(before));
    }
    if let Some(id) = &page.instance_id {
        query = query.filter(instance_events::instance_id.eq(id.as_str()));
    }
    if let Some(pool) = &page.pool {
        query = query.filter(instance_events::pool.eq(pool.as_str()));
    }
    let rows: Vec<Row> = query.load(conn).await?;
    rows.into_iter().map(LifecycleEvent::try_from).collect()
}

/// An instance that Services has and that has no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stray {
    pub(crate) id: InstanceId,
    pub(crate) origin: StrayOrigin,
}

/// What the log says about a stray.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StrayOrigin {
    /// Nothing: it never belonged to this pool.
    Foreign,
    /// It was ours, and its row was deleted before the tick began.
    Ours,
    /// It was ours, and its row may have been deleted during the tick.
    JustGone,
}

#[derive(Debug, QueryableByName)]
struct StrayRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Bool)]
    known: bool,
    #[diesel(sql_type = Bool)]
    gone: bool,
}

/// The instances of `listed` without a row, and what the log says about them.
pub(crate) async fn find_strays(
    conn: &mut AsyncPgConnection,
    listed: &[InstanceId],
) -> Result<Vec<Stray>, DbError> {
    if listed.is_empty() {
        return Ok(Vec::new());
    }
    // Diesel has no table of a bound array.
    let rows: Vec<StrayRow> = sql_query(
        "SELECT listed.id,
                EXISTS (SELECT FROM instance_events AS e WHERE e.instance_id = listed.id) AS known,
                EXISTS (SELECT FROM instance_events AS e
                        WHERE e.instance_id = listed.id AND e.to_status IS NULL
                          AND e.at < tick_state.began_at) AS gone
         FROM unnest($1) AS listed (id), tick_state
         WHERE NOT EXISTS (SELECT FROM instances AS i WHERE i.id = listed.id)",
    )
    .bind::<Array<Text>, _>(listed.iter().map(InstanceId::as_str).collect::<Vec<_>>())
    .load(conn)
    .await?;
    let stray = |row: StrayRow| {
        let origin = match (row.known, row.gone) {
            (false, _) => StrayOrigin::Foreign,
            (true, true) => StrayOrigin::Ours,
            (true, false) => StrayOrigin::JustGone,
        };
        let id = parse_id(row.id)?;
        Ok(Stray { id, origin })
    };
    rows.into_iter().map(stray).collect()
}

/// Maximum entries that one statement prunes: the first time there may be millions.
const PRUNED_AT_ONCE: i64 = 10_000;

/// Deletes the oldest of the entries that are older than `days`. Returns how many.
pub(crate) async fn prune(conn: &mut AsyncPgConnection, days: u16) -> Result<usize, DbError> {
    // Diesel cannot subtract a bound interval from now().
    let pruned = sql_query(prune_sql())
        .bind::<Integer, _>(i32::from(days))
        .execute(conn)
        .await?;
    Ok(pruned)
}

fn prune_sql() -> String {
    format!(
        "DELETE FROM instance_events WHERE id = ANY (ARRAY (
             SELECT id FROM instance_events
             WHERE at < now() - make_interval(days => $1) ORDER BY at LIMIT {PRUNED_AT_ONCE}))"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::test_database::{fresh_conn, run};

    #[tokio::test]
    async fn entries_are_pruned_by_age() {
        let mut conn = fresh_conn().await;
        run(
            &mut conn,
            "INSERT INTO instance_events (instance_id, to_status, cause, at)
             SELECT 'instance-000', 'idle', 'x', now() - n * interval '1 day' FROM generate_series(1, 9) n",
        )
        .await;
        assert_eq!(prune(&mut conn, 5).await.unwrap(), 5);
        assert_eq!(prune(&mut conn, 5).await.unwrap(), 0);
        let left = load(&mut conn, &page()).await.unwrap();
        assert_eq!(left.len(), 4);
    }

    fn page() -> Page {
        Page {
            limit: 99,
            ..Page::default()
        }
    }

    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
        text: String,
    }

    #[tokio::test]
    async fn pruning_takes_what_is_old_from_an_index() {
        let mut conn = fresh_conn().await;
        run(
            &mut conn,
            "INSERT INTO instance_events (instance_id, to_status, cause, at)
             SELECT 'i', 'idle', 'x', now() - n * interval '1 min' FROM generate_series(1, 50000) n",
        )
        .await;
        run(&mut conn, "ANALYZE instance_events").await;
        run(
            &mut conn,
            &format!("PREPARE prune (int) AS {}", prune_sql()),
        )
        .await;
        let plan: Vec<Line> = sql_query("EXPLAIN EXECUTE prune (30)")
            .load(&mut conn)
            .await
            .unwrap();
        let plan: String = plan.into_iter().map(|line| line.text + "\n").collect();
        assert!(plan.contains("instance_events_at_idx"), "{plan}");
        assert!(!plan.contains("Seq Scan"), "{plan}");
    }

    #[tokio::test]
    async fn a_stray_is_ours_only_where_the_log_has_its_end() {
        let mut conn = fresh_conn().await;
        let ids: Vec<InstanceId> = (0..5).map(|_| InstanceId::generate()).collect();
        let [foreign, gone, unfinished, just_gone, there] = ids.as_slice() else {
            unreachable!("they are 5")
        };
        run(&mut conn, "UPDATE tick_state SET began_at = now()").await;
        for (id, to, at) in [
            (gone, "NULL", "now() - interval '1 s'"),
            (unfinished, "'idle'", "now() - interval '1 s'"),
            (just_gone, "NULL", "now() + interval '1 s'"),
            (there, "NULL", "now() - interval '1 s'"),
        ] {
            run(
                &mut conn,
                &format!(
                    "INSERT INTO instance_events (instance_id, from_status, to_status, cause, at)
                 VALUES ('{id}', 'destroying', {to}, 'x', {at})"
                ),
            )
            .await;
        }
        run(
            &mut conn,
            &format!(
                "INSERT INTO instances (id, name, status) VALUES ('{there}', 'x', 'destroying')"
            ),
        )
        .await;
        let strays = find_strays(&mut conn, &ids).await.unwrap();
        let origin = |id: &InstanceId| {
            strays
                .iter()
                .find(|stray| stray.id == *id)
                .map(|stray| stray.origin)
        };
        assert_eq!(origin(foreign), Some(StrayOrigin::Foreign));
        assert_eq!(origin(gone), Some(StrayOrigin::Ours));
        assert_eq!(origin(unfinished), Some(StrayOrigin::JustGone));
        assert_eq!(origin(just_gone), Some(StrayOrigin::JustGone));
        assert_eq!(origin(there), None);
    }
}
