//! Table `dashboard_sessions`. Sessions of all replicas, without their IDs.

use agent_pool_service_kit::db::DbError;
use chrono::TimeDelta;
use diesel::dsl::now;
use diesel::pg::expression::extensions::IntervalDsl;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

diesel::table! {
    dashboard_sessions (id_hash) {
        id_hash -> Bytea,
        key_proof -> Bytea,
        expires_at -> Timestamptz,
    }
}

/// Stores a session, and deletes those that have expired.
pub(in crate::dashboard) async fn insert(
    conn: &mut AsyncPgConnection,
    id_hash: &[u8],
    key_proof: &[u8],
    lifetime: TimeDelta,
) -> Result<(), DbError> {
    use dashboard_sessions::dsl;
    diesel::delete(dsl::dashboard_sessions.filter(dsl::expires_at.le(now)))
        .execute(conn)
        .await?;
    let seconds = i32::try_from(lifetime.num_seconds()).unwrap_or(i32::MAX);
    let row = (
        dsl::id_hash.eq(id_hash),
        dsl::key_proof.eq(key_proof),
        dsl::expires_at.eq(now.into_sql::<Timestamptz>() + seconds.seconds()),
    );
    diesel::insert_into(dsl::dashboard_sessions)
        .values(row)
        .execute(conn)
        .await?;
    Ok(())
}

/// The proof of the key of a session that has not expired.
pub(in crate::dashboard) async fn find_proof(
    conn: &mut AsyncPgConnection,
    id_hash: &[u8],
) -> Result<Option<Vec<u8>>, DbError> {
    use dashboard_sessions::dsl;
    let found = dsl::dashboard_sessions
        .find(id_hash)
        .filter(dsl::expires_at.gt(now))
        .select(dsl::key_proof);
    Ok(found.first(conn).await.optional()?)
}

/// Ends a session.
pub(in crate::dashboard) async fn delete(
    conn: &mut AsyncPgConnection,
    id_hash: &[u8],
) -> Result<(), DbError> {
    use dashboard_sessions::dsl;
    diesel::delete(dsl::dashboard_sessions.find(id_hash))
        .execute(conn)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::db::test_database::fresh_conn;

    #[tokio::test]
    async fn a_session_is_found_until_it_ends_or_expires() {
        let mut conn = fresh_conn().await;
        let hour = TimeDelta::hours(1);
        insert(&mut conn, b"one", b"proof", hour).await.unwrap();
        insert(&mut conn, b"expired", b"proof", -hour)
            .await
            .unwrap();
        let found = find_proof(&mut conn, b"one").await.unwrap();
        assert_eq!(found.as_deref(), Some(&b"proof"[..]));
        for none in [&b"expired"[..], b"other", b""] {
            assert_eq!(find_proof(&mut conn, none).await.unwrap(), None);
        }
        delete(&mut conn, b"one").await.unwrap();
        assert_eq!(find_proof(&mut conn, b"one").await.unwrap(), None);
        // The next one removes what has expired.
        insert(&mut conn, b"next", b"proof", hour).await.unwrap();
        let left: i64 = dashboard_sessions::table
            .count()
            .get_result(&mut conn)
            .await
            .unwrap();
        assert_eq!(left, 1);
    }
}
