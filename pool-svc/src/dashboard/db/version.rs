//! A number that changes whenever the pages change.

use agent_pool_service_kit::db::DbError;
use diesel::sql_types::Int8;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

#[derive(Debug, QueryableByName)]
struct Version {
    #[diesel(sql_type = Int8)]
    version: i64,
}

/// The version of the fleet: its events, its alarm, its creation failures, its pools, roll-outs and upgrades.
///
/// The greatest event ID alone is not enough: events are not committed in the order of their IDs.
pub(in crate::dashboard) async fn load(conn: &mut AsyncPgConnection) -> Result<i64, DbError> {
    // Diesel has no aggregate over a limited query.
    let one: Version = sql_query(
        "SELECT hashtextextended(concat_ws('/',
             (SELECT string_agg(id::text, ',' ORDER BY id)
              FROM (SELECT id FROM instance_events ORDER BY id DESC LIMIT 64) AS latest),
             (SELECT doubt FROM tick_state),
             (SELECT string_agg(pool || cause || in_a_row, ',' ORDER BY pool, cause)
              FROM pool_creation_failures),
             (SELECT string_agg(name || version, ',' ORDER BY name) FROM pools),
             (SELECT max(changed_at) FROM rollouts),
             (SELECT concat_ws(',', max(coalesce(ended_at, requested_at)), count(*) FILTER (WHERE state = 'running'))
              FROM upgrades)
         ), 0) AS version",
    )
    .get_result(conn)
    .await?;
    Ok(one.version)
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::db::test_database::{fresh_conn, run};

    #[tokio::test]
    async fn it_changes_with_each_move_however_late_it_is_committed() {
        let mut conn = fresh_conn().await;
        let empty = load(&mut conn).await.unwrap();
        let mut seen = vec![empty];
        for id in [7, 3] {
            let insert = format!(
                "INSERT INTO instance_events (id, instance_id, to_status, cause)
                 VALUES ({id}, 'x', 'idle', 'x')"
            );
            run(&mut conn, &insert).await;
            let version = load(&mut conn).await.unwrap();
            assert!(!seen.contains(&version));
            seen.push(version);
        }
        assert_eq!(
            load(&mut conn).await.unwrap(),
            seen[2],
            "it changes with nothing else"
        );
    }
}
