//! What both tables tell of operations that were cut off.

use agent_pool_core::InstanceId;
use agent_pool_service_kit::db::DbError;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    instance_id: String,
}

/// The instances that something is unfinished of and nobody is at work on, the oldest first.
pub(crate) async fn abandoned(conn: &mut AsyncPgConnection) -> Result<Vec<InstanceId>, DbError> {
    // Diesel cannot tell two `EXISTS` of unrelated tables apart from a join that it does not know.
    let query = diesel::sql_query(
        "SELECT instance_id FROM instance_infra AS one \
         WHERE (started_at IS NULL OR destroying_at IS NOT NULL OR EXISTS ( \
                   SELECT FROM instance_services AS tool \
                   WHERE tool.instance_id = one.instance_id AND status = 'active' \
                     AND (made_at IS NULL OR destroying_at IS NOT NULL \
                          OR repairing_at IS NOT NULL))) \
           AND NOT EXISTS ( \
                   SELECT FROM instance_leases AS lease \
                   WHERE lease.instance_id = one.instance_id AND leased_until >= now()) \
         ORDER BY created_at",
    );
    let rows: Vec<Row> = query.load(conn).await?;
    rows.into_iter()
        .map(|row| {
            let parsed = row.instance_id.parse();
            parsed.map_err(
                |problem: agent_pool_core::ParseIdError| DbError::CorruptRow {
                    table: "instance_infra",
                    key: row.instance_id,
                    problem: problem.to_string(),
                },
            )
        })
        .collect()
}
