//! Table `local_grants`: the tools of developers' own machines.
//!
//! It has only the tools and the expiry, neither secrets nor resources. Times are the database's.

use std::time::Duration;

use agent_pool_core::{InstanceId, ToolId};
use agent_pool_service_kit::db::{DbError, after, before};
use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use super::schema::local_grants::dsl;

/// The limits of grants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Maximum number of grants at the same time.
    pub(crate) max: u32,
    /// Maximum number of grants made within an hour.
    pub(crate) per_hour: u32,
}

/// Whether another grant fits the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a grant beyond the limits has no row"]
pub(crate) enum Fits {
    Yes,
    TooMany,
}

/// The advisory lock under which grants are counted before one is inserted.
const COUNT_LOCK: i64 = 0x6170_6772_616e;

/// Inserts a grant whose tools are about to be made, which expires after `ttl`, if it fits the limits.
pub(crate) async fn insert_within(
    conn: &mut AsyncPgConnection,
    instance: &InstanceId,
    tools: &[&str],
    ttl: Duration,
    limits: Limits,
) -> Result<Fits, DbError> {
    conn.transaction(async |conn| {
        // One request counts at a time: concurrent ones could together exceed the limits.
        diesel::select(pg_advisory_xact_lock(COUNT_LOCK))
            .execute(conn)
            .await?;
        let live = dsl::local_grants.filter(dsl::expires_at.gt(now)).count();
        let live: i64 = live.get_result(conn).await?;
        let hour = Duration::from_hours(1);
        let recent = dsl::local_grants.filter(dsl::created_at.gt(before!(hour)));
        let recent: i64 = recent.count().get_result(conn).await?;
        if live >= i64::from(limits.max) || recent >= i64::from(limits.per_hour) {
            return Ok(Fits::TooMany);
        }
        insert(conn, instance, tools, ttl).await?;
        Ok(Fits::Yes)
    })
    .await
}

diesel::define_sql_function! {
    /// Waits for a lock that the end of the transaction releases.
    fn pg_advisory_xact_lock(key: diesel::sql_types::BigInt) -> diesel::sql_types::Text;
}

/// Inserts a grant whose tools are about to be made, which expires after `limit`.
pub(crate) async fn insert(
    conn: &mut AsyncPgConnection,
    instance: &InstanceId,
    tools: &[&str],
    limit: Duration,
) -> Result<(), DbError> {
    diesel::insert_into(dsl::local_grants)
        .values((
            dsl::instance_id.eq(instance.as_str()),
            dsl::tools.eq(tools),
            dsl::expires_at.eq(after!(limit)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Records that all tools are made, and returns when the grant expires. `None` if there is no row.
pub(crate) async fn record_made(
    conn: &mut AsyncPgConnection,
    instance: &InstanceId,
    ttl: Duration,
) -> Result<Option<DateTime<Utc>>, DbError> {
    let expires_at = diesel::update(dsl::local_grants.find(instance.as_str()))
        .set(dsl::expires_at.eq(after!(ttl)))
        .returning(dsl::expires_at)
        .get_result(conn)
        .await
        .optional()?;
    Ok(expires_at)
}

/// Makes a grant expire now, and returns its tools. `None` if there is no such grant.
pub(crate) async fn expire(
    conn: &mut AsyncPgConnection,
    instance: &InstanceId,
) -> Result<Option<Vec<ToolId>>, DbError> {
    let tools: Option<Vec<String>> = diesel::update(dsl::local_grants.find(instance.as_str()))
        .set(dsl::expires_at.eq(now))
        .returning(dsl::tools)
        .get_result(conn)
        .await
        .optional()?;
    let parsed = tools.map(|tools| tools.iter().map(|tool| tool.parse()).collect());
    parsed.transpose().map_err(
        |problem: agent_pool_core::ParseIdError| DbError::CorruptRow {
            table: "local_grants",
            key: instance.to_string(),
            problem: problem.to_string(),
        },
    )
}

/// Which of `instances` have a grant that has not expired.
pub(crate) async fn find_live(
    conn: &mut AsyncPgConnection,
    instances: &[&InstanceId],
) -> Result<Vec<String>, DbError> {
    let ids: Vec<&str> = instances.iter().map(|id| id.as_str()).collect();
    let live = dsl::local_grants
        .filter(dsl::instance_id.eq_any(ids).and(dsl::expires_at.gt(now)))
        .select(dsl::instance_id)
        .load(conn)
        .await?;
    Ok(live)
}

/// Deletes the grants that have expired, whose instance is not `listed`, and whose tools are all in `asked`.
pub(crate) async fn delete_expired(
    conn: &mut AsyncPgConnection,
    listed: &[&InstanceId],
    asked: &[&str],
) -> Result<(), DbError> {
    let ids: Vec<&str> = listed.iter().map(|id| id.as_str()).collect();
    let spent = dsl::local_grants
        .filter(dsl::expires_at.le(now))
        .filter(dsl::instance_id.ne_all(ids))
        .filter(dsl::tools.is_contained_by(asked));
    diesel::delete(spent).execute(conn).await?;
    Ok(())
}

/// Deletes a grant, once nothing of it is left.
pub(crate) async fn delete(
    conn: &mut AsyncPgConnection,
    instance: &InstanceId,
) -> Result<(), DbError> {
    diesel::delete(dsl::local_grants.find(instance.as_str()))
        .execute(conn)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use agent_pool_service_kit::testing::fresh_database;

    use super::*;
    use crate::db::MIGRATIONS;

    const LONG: Duration = Duration::from_secs(3_600);

    #[tokio::test]
    async fn a_grant_gets_its_time_when_it_is_made_and_loses_it_when_it_ends() {
        let db = fresh_database(MIGRATIONS, "services").await.db();
        let mut conn = db.conn().await.unwrap();
        let id = InstanceId::generate();
        insert(&mut conn, &id, &["alpha", "beta"], Duration::ZERO)
            .await
            .unwrap();
        assert!(find_live(&mut conn, &[&id]).await.unwrap().is_empty());
        let until = record_made(&mut conn, &id, LONG).await.unwrap();
        assert!(until.is_some_and(|until| until > Utc::now()));
        assert_eq!(find_live(&mut conn, &[&id]).await.unwrap(), [id.as_str()]);

        let tools = expire(&mut conn, &id).await.unwrap().unwrap();
        assert_eq!(tools, ["alpha", "beta"].map(|tool| tool.parse().unwrap()));
        assert!(find_live(&mut conn, &[&id]).await.unwrap().is_empty());
        delete(&mut conn, &id).await.unwrap();
        assert_eq!(expire(&mut conn, &id).await.unwrap(), None);
        assert_eq!(record_made(&mut conn, &id, LONG).await.unwrap(), None);
    }

    #[tokio::test]
    async fn only_what_is_over_and_known_to_be_gone_is_forgotten() {
        let db = fresh_database(MIGRATIONS, "services").await.db();
        let mut conn = db.conn().await.unwrap();
        let ids: Vec<_> = (0..4).map(|_| InstanceId::generate()).collect();
        for (id, tools, limit) in [
            (&ids[0], ["alpha"].as_slice(), LONG),
            (&ids[1], &["alpha"], Duration::ZERO),
            (&ids[2], &["alpha", "beta"], Duration::ZERO),
            (&ids[3], &["alpha"], Duration::ZERO),
        ] {
            insert(&mut conn, id, tools, limit).await.unwrap();
        }
        delete_expired(&mut conn, &[&ids[1]], &["alpha", "gamma"])
            .await
            .unwrap();
        let mut known = Vec::new();
        for id in &ids {
            known.push(expire(&mut conn, id).await.unwrap().is_some());
        }
        assert_eq!(known, [true, true, true, false]);
    }
}
