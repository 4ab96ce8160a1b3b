//! Table `instance_leases`: which operation is changing an instance.
//!
//! A lease is a row and not a Postgres advisory lock, because no connection is held while vendors are
//! called. It expires when its holder stops renewing it. Time is the database's.
//!
//! A holder may pause for longer than its lease and continue with outdated knowledge. That is why every
//! write to the rows of an instance is fenced: see `fenced!`.

use std::time::Duration;

use agent_pool_core::InstanceId;
use agent_pool_service_kit::db::{DbError, after, before};
use diesel::dsl::{exists, now, select};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::schema::instance_leases::{self, dsl};

/// Identifies the holder of an instance's lease, as every write to its rows requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fence {
    pub(crate) instance: InstanceId,
    /// Unique to one operation.
    pub(crate) holder: String,
}

impl Fence {
    /// The fence of a new operation.
    pub(crate) fn new(instance: &InstanceId) -> Self {
        Self {
            instance: instance.clone(),
            holder: InstanceId::generate().into(),
        }
    }
}

/// Takes the lease of an instance; false while another operation holds it.
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
    // Named in full, because an upsert is not a query and has no `filter` method.
    let upsert = diesel::query_dsl::methods::FilterDsl::filter(upsert, dsl::leased_until.lt(now));
    let taken = upsert.execute(conn).await?;
    Ok(taken == 1)
}

/// Renews a lease; false if another operation has taken it.
pub(crate) async fn renew(
    conn: &mut AsyncPgConnection,
    fence: &Fence,
    length: Duration,
) -> Result<bool, DbError> {
    let renewed = diesel::update(held_by(fence))
        .set(dsl::leased_until.eq(after!(length)))
        .execute(conn)
        .await?;
    Ok(renewed == 1)
}

/// Releases a lease, unless another operation has taken it.
pub(crate) async fn release(conn: &mut AsyncPgConnection, fence: &Fence) -> Result<(), DbError> {
    diesel::delete(held_by(fence)).execute(conn).await?;
    Ok(())
}

/// Whether no other operation has taken the lease.
pub(crate) async fn is_ours(conn: &mut AsyncPgConnection, fence: &Fence) -> Result<bool, DbError> {
    Ok(select(exists(held_by(fence))).get_result(conn).await?)
}

#[diesel::dsl::auto_type]
fn held_by<'a>(fence: &'a Fence) -> _ {
    let instance: &'a str = fence.instance.as_str();
    let holder: &'a str = fence.holder.as_str();
    instance_leases::table.filter(
        instance_leases::instance_id
            .eq(instance)
            .and(instance_leases::holder.eq(holder)),
    )
}

/// Whether an operation holds the lease of an instance.
pub(crate) async fn is_held(
    conn: &mut AsyncPgConnection,
    instance: &InstanceId,
) -> Result<bool, DbError> {
    let held = dsl::instance_leases
        .find(instance.as_str())
        .filter(dsl::leased_until.ge(now));
    Ok(select(exists(held)).get_result(conn).await?)
}

/// Deletes the leases that expired longer than `grace` ago: their holders died, and nobody took them over.
pub(crate) async fn delete_expired(
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
        delete_expired(&mut conn, LONG).await.unwrap();
        assert!(renew(&mut conn, &dead, Duration::ZERO).await.unwrap());
        delete_expired(&mut conn, Duration::ZERO).await.unwrap();
        assert!(!renew(&mut conn, &dead, LONG).await.unwrap());
        assert!(renew(&mut conn, &alive, LONG).await.unwrap());
    }
}
