//! Table `local_grants`: the tools of developers' own machines.
//!
//! Only which tools, and until when: neither secrets nor resources. Time is the database's.

use std::time::Duration;

use agent_pool_core::{InstanceId, ToolId};
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::schema::local_grants::dsl;

/// Inserts a grant whose tools are about to be made, to expire after `limit`.
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

/// Records that all tools are made, and answers when the grant expires. `None` if there is no row.
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

/// Lets a grant expire now, and answers its tools. `None` if there is no such grant.
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

/// Deletes the grants that expired, have nothing `listed`, and have no other tools than those `asked`.
pub(crate) async fn delete_spent(
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
        delete_spent(&mut conn, &[&ids[1]], &["alpha", "gamma"])
            .await
            .unwrap();
        let mut known = Vec::new();
        for id in &ids {
            known.push(expire(&mut conn, id).await.unwrap().is_some());
        }
        assert_eq!(known, [true, true, true, false]);
    }
}
