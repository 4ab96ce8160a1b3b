//! Table `tick_state`: one row that fences ticks, and says how the fleet was last seen.
//!
//! The session lock of a tick can be lost without its holder noticing. So each tick takes a number
//! first, and whatever it does later begins with a statement that locks the row and finds that number
//! still there. A tick that was taken over finds another one, and does nothing.

use std::time::Duration;

use agent_pool_core::wire::pool::Unobserved;
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Bool, Double, Int8, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::schema::tick_state;

/// The number of a tick: those that come later have higher ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch(i64);

/// Whether a tick is still the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Latest,
    /// A later tick has begun.
    TakenOver,
}

impl From<usize> for Standing {
    fn from(rows: usize) -> Self {
        if rows == 0 {
            Self::TakenOver
        } else {
            Self::Latest
        }
    }
}

#[derive(Debug, QueryableByName)]
struct EpochRow {
    #[diesel(sql_type = Int8)]
    epoch: i64,
}

/// Begins a tick: every earlier one is taken over. Where the fleet was last seen longer ago than
/// `unwatched_after`, it counts as watched from this tick on.
pub(crate) async fn begin(
    conn: &mut AsyncPgConnection,
    unwatched_after: Duration,
) -> Result<Epoch, DbError> {
    // sql_query: Diesel cannot subtract a bound interval from now().
    let row: EpochRow = sql_query(
        "UPDATE tick_state
         SET epoch = epoch + 1, began_at = now(),
             watched_since = CASE WHEN observed_at > now() - make_interval(secs => $1)
                                  THEN watched_since END
         RETURNING epoch",
    )
    .bind::<Double, _>(unwatched_after.as_secs_f64())
    .get_result(conn)
    .await?;
    Ok(Epoch(row.epoch))
}

/// What a tick thinks of its look at the fleet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    /// Whether whoever did not answer can be taken for silent.
    pub(crate) watched: bool,
    pub(crate) doubt: Option<&'a str>,
}

/// Notes how the fleet was seen, and keeps later ticks from beginning until the transaction ends.
pub(crate) async fn note(
    conn: &mut AsyncPgConnection,
    epoch: Epoch,
    look: Look<'_>,
) -> Result<Standing, DbError> {
    // sql_query, as its counterpart above: the two are read together.
    let rows = sql_query(
        "UPDATE tick_state
         SET observed_at = CASE WHEN $2 THEN now() ELSE observed_at END,
             watched_since = CASE WHEN $2 THEN coalesce(watched_since, now()) ELSE watched_since END,
             doubt = $3,
             doubted_since = CASE WHEN $3 IS NOT NULL THEN coalesce(doubted_since, now()) END
         WHERE epoch = $1",
    )
    .bind::<Int8, _>(epoch.0)
    .bind::<Bool, _>(look.watched)
    .bind::<Nullable<Text>, _>(look.doubt)
    .execute(conn)
    .await?;
    Ok(rows.into())
}

/// Keeps later ticks from beginning until the transaction ends.
pub(crate) async fn hold(conn: &mut AsyncPgConnection, epoch: Epoch) -> Result<Standing, DbError> {
    let rows = tick_state::table
        .filter(tick_state::epoch.eq(epoch.0))
        .select(tick_state::epoch)
        .for_share()
        .load::<i64>(conn)
        .await?;
    Ok(rows.len().into())
}

/// Why the latest look at the fleet was not believed; `None` where it was.
pub(crate) async fn load_doubt(
    conn: &mut AsyncPgConnection,
) -> Result<Option<Unobserved>, DbError> {
    let (doubt, since): (Option<String>, Option<DateTime<Utc>>) = tick_state::table
        .select((tick_state::doubt, tick_state::doubted_since))
        .first(conn)
        .await?;
    Ok(doubt
        .zip(since)
        .map(|(reason, since)| Unobserved { reason, since }))
}

#[cfg(test)]
mod tests {
    use agent_pool_service_kit::db::Conn;
    use agent_pool_service_kit::testing::{TestDatabase, fresh_database};

    use super::*;
    use crate::db::MIGRATIONS;

    const GAP: Duration = Duration::from_mins(5);
    const BELIEVED: Look<'_> = Look {
        watched: true,
        doubt: None,
    };

    async fn database() -> (TestDatabase, Conn) {
        let database = fresh_database(MIGRATIONS, "pool").await;
        let conn = database.db().conn().await.unwrap();
        (database, conn)
    }

    #[tokio::test]
    async fn a_tick_does_nothing_more_once_another_has_begun() {
        let (_database, mut conn) = database().await;
        let first = begin(&mut conn, GAP).await.unwrap();
        assert_eq!(hold(&mut conn, first).await.unwrap(), Standing::Latest);
        assert_eq!(
            note(&mut conn, first, BELIEVED).await.unwrap(),
            Standing::Latest
        );
        let second = begin(&mut conn, GAP).await.unwrap();
        let late = note(&mut conn, first, BELIEVED).await.unwrap();
        assert_eq!(late, Standing::TakenOver);
        assert_eq!(hold(&mut conn, first).await.unwrap(), Standing::TakenOver);
        assert_eq!(hold(&mut conn, second).await.unwrap(), Standing::Latest);
    }

    #[tokio::test]
    async fn a_tick_that_is_applied_keeps_the_next_from_beginning() {
        let (database, mut conn) = database().await;
        let first = begin(&mut conn, GAP).await.unwrap();
        for first_statement in ["note", "hold"] {
            sql_query("BEGIN").execute(&mut conn).await.unwrap();
            match first_statement {
                "note" => note(&mut conn, first, BELIEVED).await.unwrap(),
                _ => hold(&mut conn, first).await.unwrap(),
            };
            let mut other = database.db().conn().await.unwrap();
            let impatient = "SET lock_timeout = '50 ms'";
            sql_query(impatient).execute(&mut other).await.unwrap();
            assert!(begin(&mut other, GAP).await.is_err(), "{first_statement}");
            sql_query("COMMIT").execute(&mut conn).await.unwrap();
        }
    }

    #[derive(QueryableByName)]
    struct Watched {
        #[diesel(sql_type = Nullable<Bool>)]
        old: Option<bool>,
    }

    #[tokio::test]
    async fn the_fleet_is_watched_until_it_was_not_seen_for_too_long() {
        let (_database, mut conn) = database().await;
        let old = "SELECT watched_since < now() - interval '1 h' AS old FROM tick_state";
        for (seen_ago, then) in [("1 s", Some(true)), ("6 min", None)] {
            let past = format!(
                "UPDATE tick_state SET watched_since = now() - interval '2 h',
                                       observed_at = now() - interval '{seen_ago}'"
            );
            sql_query(past).execute(&mut conn).await.unwrap();
            let epoch = begin(&mut conn, GAP).await.unwrap();
            let watched: Watched = sql_query(old).get_result(&mut conn).await.unwrap();
            assert_eq!(watched.old, then, "{seen_ago}");
            note(&mut conn, epoch, BELIEVED).await.unwrap();
            let watched: Watched = sql_query(old).get_result(&mut conn).await.unwrap();
            assert_eq!(watched.old, Some(then.is_some()), "{seen_ago}");
        }
    }

    #[tokio::test]
    async fn a_doubt_lasts_from_its_first_reason_to_the_first_look_that_is_believed() {
        let (_database, mut conn) = database().await;
        let mut sinces = Vec::new();
        for reason in ["down", "empty"] {
            let epoch = begin(&mut conn, GAP).await.unwrap();
            let look = Look {
                watched: false,
                doubt: Some(reason),
            };
            note(&mut conn, epoch, look).await.unwrap();
            let doubt = load_doubt(&mut conn).await.unwrap().unwrap();
            assert_eq!(doubt.reason, reason);
            sinces.push(doubt.since);
        }
        assert_eq!(sinces[0], sinces[1]);
        let epoch = begin(&mut conn, GAP).await.unwrap();
        note(&mut conn, epoch, BELIEVED).await.unwrap();
        assert_eq!(load_doubt(&mut conn).await.unwrap(), None);
    }
}
