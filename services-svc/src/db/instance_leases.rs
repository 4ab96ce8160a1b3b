//! Table `instance_leases`: who is changing an instance right now.
//!
//! A lease is a row and not a Postgres advisory lock, because no connection is held while vendors
//! are called. It ends by itself when its holder is gone. Time is the database's.
//!
//! A holder may pause for longer than its lease and go on with what it knew: every write to the rows of
//! an instance is fenced, as `fenced!` says.

use std::time::Duration;

use agent_pool_core::InstanceId;
use agent_pool_service_kit::db::DbError;
use diesel::dsl::{exists, now, select};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::schema::instance_leases::dsl;

/// Whose lease of which instance: what a write has to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fence {
    pub(crate) instance: InstanceId,
    /// A name that no other operation ever has.
    pub(crate) holder: String,
}

impl Fence {
    /// That of an operation which begins.
    pub(crate) fn new(instance: &InstanceId) -> Self {
        Self {
            instance: instance.clone(),
            holder: InstanceId::generate().into(),
        }
    }
}

/// Takes the lease of an instance; false while somebody else has it.
pub(crate) async fn take(
    conn: &mut AsyncPgConnection,
    fence: &Fence,
    length: Duration,
) -> Result<bool, DbError> {
    let holder = fence.holder.as_str();
    let row = (
        dsl::instance_id.eq(fence.instance.as_str()),
        dsl::holder.eq(holder),
        dsl::leased_until.eq(after!(length)),
    );
    let upsert = diesel::insert_into(dsl::instance_leases)
        .values(row)
        .on_conflict(dsl::instance_id)
        .do_update()
        .set((dsl::holder.eq(holder), dsl::leased_until.eq(after!(length))));
    // Named in full: an upsert is no query, so it has no `filter` of its own.
    let upsert = diesel::query_dsl::methods::FilterDsl::filter(upsert, dsl::leased_until.lt(now));
    let taken = upsert.execute(conn).await?;
    Ok(taken == 1)
}

/// Holds a lease for longer; false where it is somebody else's by now.
pub(crate) async fn renew(
    conn: &mut AsyncPgConnection,
    fence: &Fence,
    length: Duration,
) -> Result<bool, DbError> {
    let own = dsl::instance_leases
        .find(fence.instance.as_str())
        .filter(dsl::holder.eq(&fence.holder));
    let renewed = diesel::update(own)
        .set(dsl::leased_until.eq(after!(length)))
        .execute(conn)
        .await?;
    Ok(renewed == 1)
}

/// Gives a lease back, unless it is somebody else's by now.
pub(crate) async fn release(conn: &mut AsyncPgConnection, fence: &Fence) -> Result<(), DbError> {
    let own = dsl::instance_leases
        .find(fence.instance.as_str())
        .filter(dsl::holder.eq(&fence.holder));
    diesel::delete(own).execute(conn).await?;
    Ok(())
}

/// Whether nobody else has taken the lease since.
pub(crate) async fn is_ours(conn: &mut AsyncPgConnection, fence: &Fence) -> Result<bool, DbError> {
    let own = dsl::instance_leases
        .find(fence.instance.as_str())
        .filter(dsl::holder.eq(&fence.holder));
    Ok(select(exists(own)).get_result(conn).await?)
}

/// Whether somebody has the lease of an instance.
pub(crate) async fn is_held(
    conn: &mut AsyncPgConnection,
    instance: &InstanceId,
) -> Result<bool, DbError> {
    let held = dsl::instance_leases
        .find(instance.as_str())
        .filter(dsl::leased_until.ge(now));
    Ok(select(exists(held)).get_result(conn).await?)
}

/// Deletes the leases that ran out longer than `grace` ago: their holders are dead, and nobody has taken
/// them over.
pub(crate) async fn forget_dead(
    conn: &mut AsyncPgConnection,
    grace: Duration,
) -> Result<(), DbError> {
    let dead = dsl::instance_leases.filter(dsl::leased_until.lt(before!(grace)));
    diesel::delete(dead).execute(conn).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use agent_pool_service_kit::testing::fresh_database;

    use super::*;
    use crate::db::MIGRATIONS;

    const LONG: Duration = Duration::from_secs(3_600);

    fn two() -> (Fence, Fence) {
        let id = InstanceId::generate();
        (Fence::new(&id), Fence::new(&id))
    }

    #[tokio::test]
    async fn of_two_sessions_at_once_one_gets_the_lease_and_only_it_can_give_it_back() {
        let db = fresh_database(MIGRATIONS, "services").await.db();
        let (mut one, mut other) = (db.conn().await.unwrap(), db.conn().await.unwrap());
        let (a, b) = two();
        let (first, second) = tokio::join!(take(&mut one, &a, LONG), take(&mut other, &b, LONG));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert!(first ^ second, "{first} {second}");
        let (winner, loser) = if first { (&a, &b) } else { (&b, &a) };

        release(&mut one, loser).await.unwrap();
        assert!(!renew(&mut one, loser, LONG).await.unwrap());
        assert!(!is_ours(&mut one, loser).await.unwrap());
        assert!(renew(&mut one, winner, LONG).await.unwrap());
        assert!(is_ours(&mut one, winner).await.unwrap());
        assert!(!take(&mut other, loser, LONG).await.unwrap());
        release(&mut one, winner).await.unwrap();
        assert!(take(&mut other, loser, LONG).await.unwrap());
    }

    #[tokio::test]
    async fn a_lease_that_ran_out_is_anybodys() {
        let db = fresh_database(MIGRATIONS, "services").await.db();
        let mut conn = db.conn().await.unwrap();
        let (dead, alive) = two();
        assert!(take(&mut conn, &dead, Duration::ZERO).await.unwrap());
        assert!(take(&mut conn, &alive, LONG).await.unwrap());
        assert!(!renew(&mut conn, &dead, LONG).await.unwrap());
    }

    #[tokio::test]
    async fn only_a_lease_that_ran_out_long_ago_is_forgotten() {
        let db = fresh_database(MIGRATIONS, "services").await.db();
        let mut conn = db.conn().await.unwrap();
        let (dead, alive) = (two().0, two().0);
        take(&mut conn, &dead, Duration::ZERO).await.unwrap();
        take(&mut conn, &alive, LONG).await.unwrap();
        forget_dead(&mut conn, LONG).await.unwrap();
        assert!(renew(&mut conn, &dead, Duration::ZERO).await.unwrap());
        forget_dead(&mut conn, Duration::ZERO).await.unwrap();
        assert!(!renew(&mut conn, &dead, LONG).await.unwrap());
        assert!(renew(&mut conn, &alive, LONG).await.unwrap());
    }
}
