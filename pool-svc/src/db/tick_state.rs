//! Table `tick_state`: one row that fences ticks and stores how the fleet was last observed.
//!
//! A tick takes its turn by a lease, which its replica can lose without noticing, for example while its machine sleeps.
//! So each tick has a number, and every transaction of a tick begins with a statement that locks the row and checks the
//! number. A tick that was taken over finds another number and does nothing.

use std::time::Duration;

use agent_pool_core::wire::pool::Unobserved;
use agent_pool_service_kit::db::{DbError, after};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Bool, Double, Int8, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::prepared::Prepared;
use super::schema::tick_state;

/// The number of a tick. Later ticks have higher numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch(i64);

impl Epoch {
    pub(super) const fn number(self) -> i64 {
        self.0
    }
}

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

/// A tick that has begun.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) epoch: Epoch,
    pub(crate) clock: Clock,
}

/// The times that a tick uses, from the database.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// When the tick began.
    pub(crate) now: DateTime<Utc>,
    /// Since when the fleet has been watched without a gap.
    pub(crate) watched_since: Option<DateTime<Utc>>,
}

#[derive(Debug, QueryableByName)]
struct TurnRow {
    #[diesel(sql_type = Int8)]
    epoch: i64,
    #[diesel(sql_type = Timestamptz)]
    began_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    watched_since: Option<DateTime<Utc>>,
}

/// How long a turn lasts without a renewal, and after which gap the fleet no longer counts as watched.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) lease: Duration,
    pub(crate) unwatched_after: Duration,
}

/// Begins a tick, unless one is in progress. A tick whose lease has expired is taken over. If the fleet was last
/// observed too long ago, it counts as watched from this tick on.
pub(crate) async fn begin(
    conn: &mut AsyncPgConnection,
    bounds: Bounds,
) -> Result<Option<Turn>, DbError> {
    // sql_query: Diesel cannot subtract a bound interval from now().
    let row: Option<TurnRow> = Prepared(
        sql_query(
            "UPDATE tick_state
             SET epoch = epoch + 1, began_at = now(),
                 turn_expires_at = now() + make_interval(secs => $2),
                 watched_since = CASE WHEN observed_at > now() - make_interval(secs => $1)
                                      THEN watched_since END
             WHERE coalesce(turn_expires_at <= now(), true)
             RETURNING epoch, began_at, watched_since",
        )
        .bind::<Double, _>(bounds.unwatched_after.as_secs_f64())
        .bind::<Double, _>(bounds.lease.as_secs_f64()),
    )
    .get_result(conn)
    .await
    .optional()?;
    Ok(row.map(|row| Turn {
        epoch: Epoch(row.epoch),
        clock: Clock {
            now: row.began_at,
            watched_since: row.watched_since,
        },
    }))
}

/// Renews the turn of a tick. A renewal that arrives after the end of its tick changes nothing.
pub(crate) async fn renew(
    conn: &mut AsyncPgConnection,
    epoch: Epoch,
    lease: Duration,
) -> Result<(), DbError> {
    diesel::update(tick_state::table)
        .filter(tick_state::epoch.eq(epoch.0))
        .filter(tick_state::turn_expires_at.is_not_null())
        .set(tick_state::turn_expires_at.eq(after!(lease).nullable()))
        .execute(conn)
        .await?;
    Ok(())
}

/// Ends a tick, so that any replica may begin the next one. Does nothing if it was taken over.
pub(crate) async fn end(conn: &mut AsyncPgConnection, epoch: Epoch) -> Result<(), DbError> {
    diesel::update(tick_state::table)
        .filter(tick_state::epoch.eq(epoch.0))
        .set(tick_state::turn_expires_at.eq(None::<DateTime<Utc>>))
        .execute(conn)
        .await?;
    Ok(())
}

/// How far a tick trusts its observation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    /// Whether instances that did not answer count as silent.
    pub(crate) watched: bool,
    pub(crate) doubt: Option<&'a str>,
    pub(crate) then: Then,
}

/// What a tick does after it has stored its observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// It writes its decisions.
    Apply,
    /// Nothing: it ends.
    End,
}

/// The fence: stores how the fleet was observed if this is still the latest tick, and locks the row, so that no later
/// tick begins until the transaction ends.
pub(crate) async fn note(
    conn: &mut AsyncPgConnection,
    epoch: Epoch,
    look: Look<'_>,
) -> Result<Standing, DbError> {
    // sql_query, like its counterpart above, so that the two read alike.
    let rows = Prepared(
        sql_query(
            "UPDATE tick_state
             SET observed_at = CASE WHEN $2 THEN now() ELSE observed_at END,
                 watched_since = CASE WHEN $2 THEN coalesce(watched_since, now()) ELSE watched_since END,
                 doubt = $3,
                 doubted_since = CASE WHEN $3 IS NOT NULL THEN coalesce(doubted_since, now()) END,
                 turn_expires_at = CASE WHEN $4 THEN NULL ELSE turn_expires_at END
             WHERE epoch = $1",
        )
        .bind::<Int8, _>(epoch.0)
        .bind::<Bool, _>(look.watched)
        .bind::<Nullable<Text>, _>(look.doubt)
        .bind::<Bool, _>(look.then == Then::End),
    )
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

/// Why the latest observation was not trusted; `None` if it was.
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

    use super::*;
    use crate::db::test_database::{database, fresh_conn, run};

    const BOUNDS: Bounds = Bounds {
        lease: Duration::from_mins(1),
        unwatched_after: Duration::from_mins(5),
    };
    const BELIEVED: Look<'_> = Look {
        watched: true,
        doubt: None,
        then: Then::Apply,
    };

    async fn begun(conn: &mut Conn) -> Epoch {
        let turn = begin(conn, BOUNDS).await.unwrap();
        turn.expect("no tick is under way").epoch
    }

    /// As if the replica of the latest tick had died a minute ago.
    async fn expire(conn: &mut Conn) {
        run(conn, "UPDATE tick_state SET turn_expires_at = now()").await;
    }

    #[tokio::test]
    async fn a_tick_does_nothing_more_once_another_has_begun() {
        let mut conn = fresh_conn().await;
        let first = begun(&mut conn).await;
        assert_eq!(hold(&mut conn, first).await.unwrap(), Standing::Latest);
        assert_eq!(
            note(&mut conn, first, BELIEVED).await.unwrap(),
            Standing::Latest
        );
        expire(&mut conn).await;
        let second = begun(&mut conn).await;
        let late = note(&mut conn, first, BELIEVED).await.unwrap();
        assert_eq!(late, Standing::TakenOver);
        assert_eq!(hold(&mut conn, first).await.unwrap(), Standing::TakenOver);
        assert_eq!(hold(&mut conn, second).await.unwrap(), Standing::Latest);
    }

    #[tokio::test]
    async fn one_tick_is_under_way_at_a_time_until_it_ends_or_its_lease_does() {
        let mut conn = fresh_conn().await;
        let first = begun(&mut conn).await;
        assert!(begin(&mut conn, BOUNDS).await.unwrap().is_none());
        renew(&mut conn, first, BOUNDS.lease).await.unwrap();
        assert!(begin(&mut conn, BOUNDS).await.unwrap().is_none());
        end(&mut conn, first).await.unwrap();
        let second = begun(&mut conn).await;
        end(&mut conn, first).await.unwrap();
        renew(&mut conn, first, Duration::ZERO).await.unwrap();
        let third = begin(&mut conn, BOUNDS).await.unwrap();
        assert!(third.is_none(), "only the latest ends and renews its turn");
        let last = Look {
            then: Then::End,
            ..BELIEVED
        };
        note(&mut conn, second, last).await.unwrap();
        begun(&mut conn).await;
    }

    #[tokio::test]
    async fn a_tick_that_is_applied_keeps_the_next_from_beginning() {
        let database = database().await;
        let mut conn = database.db().conn().await.unwrap();
        let first = begun(&mut conn).await;
        expire(&mut conn).await;
        for first_statement in ["note", "hold"] {
            run(&mut conn, "BEGIN").await;
            match first_statement {
                "note" => note(&mut conn, first, BELIEVED).await.unwrap(),
                _ => hold(&mut conn, first).await.unwrap(),
            };
            let mut other = database.db().conn().await.unwrap();
            run(&mut other, "SET lock_timeout = '50 ms'").await;
            assert!(
                begin(&mut other, BOUNDS).await.is_err(),
                "{first_statement}"
            );
            run(&mut conn, "COMMIT").await;
        }
    }

    #[derive(QueryableByName)]
    struct Watched {
        #[diesel(sql_type = Nullable<Bool>)]
        old: Option<bool>,
    }

    #[tokio::test]
    async fn the_fleet_is_watched_until_it_was_not_seen_for_too_long() {
        let mut conn = fresh_conn().await;
        let old = "SELECT watched_since < now() - interval '1 h' AS old FROM tick_state";
        for (seen_ago, then) in [("1 s", Some(true)), ("6 min", None)] {
            let past = format!(
                "UPDATE tick_state SET watched_since = now() - interval '2 h',
                                       observed_at = now() - interval '{seen_ago}'"
            );
            run(&mut conn, &past).await;
            let epoch = begun(&mut conn).await;
            let watched: Watched = sql_query(old).get_result(&mut conn).await.unwrap();
            assert_eq!(watched.old, then, "{seen_ago}");
            note(&mut conn, epoch, BELIEVED).await.unwrap();
            let watched: Watched = sql_query(old).get_result(&mut conn).await.unwrap();
            assert_eq!(watched.old, Some(then.is_some()), "{seen_ago}");
            end(&mut conn, epoch).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_doubt_lasts_from_its_first_reason_to_the_first_look_that_is_believed() {
        let mut conn = fresh_conn().await;
        let mut sinces = Vec::new();
        for reason in ["down", "empty"] {
            let epoch = begun(&mut conn).await;
            let look = Look {
                watched: false,
                doubt: Some(reason),
                then: Then::End,
            };
            note(&mut conn, epoch, look).await.unwrap();
            let doubt = load_doubt(&mut conn).await.unwrap().unwrap();
            assert_eq!(doubt.reason, reason);
            sinces.push(doubt.since);
        }
        assert_eq!(sinces[0], sinces[1]);
        let epoch = begun(&mut conn).await;
        note(&mut conn, epoch, BELIEVED).await.unwrap();
        assert_eq!(load_doubt(&mut conn).await.unwrap(), None);
    }
}
