//! What the rows say that vendors have: all that is made, in use, and not young.

use std::time::Duration;

use agent_pool_service_kit::db::DbError;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::schema::{instance_infra, instance_services};

/// Provider, its id for what it has, instance; each as its row has it.
pub(crate) type Standing = (String, String, String);

/// The services of all instances that were made longer than `grace` ago and are to stay.
pub(crate) async fn services(
    conn: &mut AsyncPgConnection,
    grace: Duration,
) -> Result<Vec<Standing>, DbError> {
    use instance_infra::dsl;
    let standing = dsl::instance_infra
        .filter(dsl::started_at.is_not_null())
        .filter(dsl::destroying_at.is_null())
        .filter(dsl::made_at.assume_not_null().le(before!(grace)))
        .order(dsl::instance_id)
        .select((dsl::provider, dsl::provider_service_id, dsl::instance_id))
        .load(conn)
        .await?;
    Ok(standing)
}

/// The tools in use that were made longer than `grace` ago, of instances that are to stay.
pub(crate) async fn resources(
    conn: &mut AsyncPgConnection,
    grace: Duration,
) -> Result<Vec<Standing>, DbError> {
    use instance_services::dsl;
    let standing = dsl::instance_services
        .inner_join(instance_infra::table)
        .filter(instance_infra::started_at.is_not_null())
        .filter(instance_infra::destroying_at.is_null())
        .filter(dsl::status.eq("active"))
        .filter(dsl::destroying_at.is_null())
        .filter(dsl::made_at.assume_not_null().le(before!(grace)))
        .order((dsl::instance_id, dsl::tool_id))
        .select((dsl::tool_id, dsl::resource_id, dsl::instance_id))
        .load(conn)
        .await?;
    Ok(standing)
}
