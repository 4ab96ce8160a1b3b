//! The resources that vendors should list according to the rows: all that are made and in use, except those that are
//! younger than a grace period, and those that were taken over from the original, which do not have our mark.

use std::time::Duration;

use agent_pool_core::InstanceId;
use agent_pool_service_kit::db::{DbError, before};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::schema::{instance_infra, instance_services};

/// One service or resource, according to its row.
#[derive(Debug, Clone, Queryable)]
pub(crate) struct Expected {
    pub(crate) provider: String,
    /// The provider's id.
    pub(crate) id: String,
    instance: String,
}

impl Expected {
    /// Its instance; `None` if the row was not written by this service.
    pub(crate) fn instance(&self) -> Option<InstanceId> {
        self.instance.parse().ok()
    }
}

/// The services of all instances that were made longer than `grace` ago and are not being destroyed.
pub(crate) async fn services(
    conn: &mut AsyncPgConnection,
    grace: Duration,
) -> Result<Vec<Expected>, DbError> {
    use instance_infra::dsl;
    let expected = dsl::instance_infra
        .filter(dsl::started_at.is_not_null())
        .filter(dsl::destroying_at.is_null())
        .filter(dsl::made_at.assume_not_null().le(before!(grace)))
        // See schema.rs.
        .filter(sql::<Bool>("instance_infra.adopted_at IS NULL"))
        .order(dsl::instance_id)
        .select((dsl::provider, dsl::provider_service_id, dsl::instance_id))
        .load(conn)
        .await?;
    Ok(expected)
}

/// The tools in use that were made longer than `grace` ago, of instances that are not being destroyed.
pub(crate) async fn resources(
    conn: &mut AsyncPgConnection,
    grace: Duration,
) -> Result<Vec<Expected>, DbError> {
    use instance_services::dsl;
    let expected = dsl::instance_services
        .inner_join(instance_infra::table)
        .filter(instance_infra::started_at.is_not_null())
        .filter(instance_infra::destroying_at.is_null())
        .filter(dsl::status.eq("active"))
        .filter(dsl::destroying_at.is_null())
        .filter(dsl::made_at.assume_not_null().le(before!(grace)))
        .filter(dsl::adopted_at.is_null())
        .order((dsl::instance_id, dsl::tool_id))
        .select((dsl::tool_id, dsl::resource_id, dsl::instance_id))
        .load(conn)
        .await?;
    Ok(expected)
}
