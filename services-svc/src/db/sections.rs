//! Table `sections`: work that only one caller at a time may do, across all replicas.
//!
//! A section is a row and not a Postgres lock, because no connection is held while vendors are called. Time is the
//! database's.

use std::time::Duration;

use agent_pool_service_kit::db::{DbError, after};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Double, Text};
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::schema::sections::dsl;

/// Enters a section for `length` at most; false while another caller is in it or its spacing has not passed.
pub(crate) async fn enter(
    conn: &mut AsyncPgConnection,
    name: &str,
    holder: &str,
    length: Duration,
) -> Result<bool, DbError> {
    let upsert = diesel::insert_into(dsl::sections)
        .values((
            dsl::name.eq(name),
            dsl::holder.eq(holder),
            dsl::held_until.eq(after!(length)),
            dsl::free_at.eq(after!(length)),
        ))
        .on_conflict(dsl::name)
        .do_update()
        .set((
            dsl::holder.eq(excluded(dsl::holder)),
            dsl::held_until.eq(excluded(dsl::held_until)),
            dsl::free_at.eq(excluded(dsl::free_at)),
        ));
    // Named in full, because an upsert is not a query and has no `filter` method.
    let free = dsl::held_until.le(now).and(dsl::free_at.le(now));
    let upsert = diesel::query_dsl::methods::FilterDsl::filter(upsert, free);
    Ok(upsert.execute(conn).await? == 1)
}

/// Why a section cannot be entered, and for how long.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub(crate) struct Closed {
    /// Whether it is occupied; otherwise its spacing has not passed.
    #[diesel(sql_type = Bool)]
    pub(crate) held: bool,
    /// The longest time that it stays closed.
    #[diesel(sql_type = Double)]
    seconds: f64,
}

impl Closed {
    pub(crate) fn left(&self) -> Duration {
        Duration::from_secs_f64(self.seconds.max(0.0))
    }
}

/// Whether a section is closed; `None` if it was never entered.
pub(crate) async fn closed(
    conn: &mut AsyncPgConnection,
    name: &str,
) -> Result<Option<Closed>, DbError> {
    // Diesel has neither `extract` nor `greatest`.
    let query = diesel::sql_query(
        "SELECT held_until > now() AS held, \
         extract(epoch FROM greatest(held_until, free_at) - now())::float8 AS seconds \
         FROM sections WHERE name = $1",
    );
    Ok(query
        .bind::<Text, _>(name)
        .get_result(conn)
        .await
        .optional()?)
}

/// Extends the stay in a section to `length` from now, unless another holder has taken it.
pub(crate) async fn renew(
    conn: &mut AsyncPgConnection,
    name: &str,
    holder: &str,
    length: Duration,
) -> Result<(), DbError> {
    let own = dsl::sections.find(name).filter(dsl::holder.eq(holder));
    diesel::update(own)
        .set((
            dsl::held_until.eq(after!(length)),
            dsl::free_at.eq(after!(length)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Leaves a section, unless another holder has taken it; the next holder may enter after `spacing`.
pub(crate) async fn leave(
    conn: &mut AsyncPgConnection,
    name: &str,
    holder: &str,
    spacing: Duration,
) -> Result<(), DbError> {
    let own = dsl::sections.find(name).filter(dsl::holder.eq(holder));
    diesel::update(own)
        .set((dsl::held_until.eq(now), dsl::free_at.eq(after!(spacing))))
        .execute(conn)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use agent_pool_service_kit::testing::fresh_database;

    use super::*;
    use crate::db::MIGRATIONS;

    const MINUTE: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn one_holder_is_in_a_section_and_the_next_enters_after_the_spacing() {
        let db = fresh_database(MIGRATIONS, "services").await.db();
        let (mut one, mut two) = (db.conn().await.unwrap(), db.conn().await.unwrap());
        assert!(enter(&mut one, "a", "one", MINUTE).await.unwrap());
        assert!(!enter(&mut two, "a", "two", MINUTE).await.unwrap());
        let closed = closed(&mut two, "a").await.unwrap().unwrap();
        assert!(closed.held && closed.left() > MINUTE / 2, "{closed:?}");
        assert!(enter(&mut two, "b", "two", MINUTE).await.unwrap());

        leave(&mut two, "a", "two", Duration::ZERO).await.unwrap();
        assert!(
            !enter(&mut two, "a", "two", MINUTE).await.unwrap(),
            "not its own"
        );
        leave(&mut one, "a", "one", MINUTE).await.unwrap();
        assert!(
            !enter(&mut two, "a", "two", MINUTE).await.unwrap(),
            "too early"
        );
        assert!(!super::closed(&mut two, "a").await.unwrap().unwrap().held);
        leave(&mut one, "a", "one", Duration::ZERO).await.unwrap();
        assert!(enter(&mut two, "a", "two", MINUTE).await.unwrap());
    }

    #[tokio::test]
    async fn a_section_of_a_dead_holder_becomes_free() {
        let db = fresh_database(MIGRATIONS, "services").await.db();
        let mut conn = db.conn().await.unwrap();
        assert!(enter(&mut conn, "a", "dead", Duration::ZERO).await.unwrap());
        let closed = closed(&mut conn, "a").await.unwrap().unwrap();
        assert!(!closed.held && closed.left().is_zero(), "{closed:?}");
        assert!(enter(&mut conn, "a", "next", MINUTE).await.unwrap());
    }

    #[tokio::test]
    async fn only_its_holder_renews_a_section() {
        let db = fresh_database(MIGRATIONS, "services").await.db();
        let mut conn = db.conn().await.unwrap();
        assert!(enter(&mut conn, "a", "one", Duration::ZERO).await.unwrap());
        renew(&mut conn, "a", "two", MINUTE).await.unwrap();
        assert!(!closed(&mut conn, "a").await.unwrap().unwrap().held);
        renew(&mut conn, "a", "one", MINUTE).await.unwrap();
        assert!(closed(&mut conn, "a").await.unwrap().unwrap().held);
    }
}
