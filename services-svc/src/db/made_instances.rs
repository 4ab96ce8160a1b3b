//! Tables `made_instances` and `confirmed_infras`: the instances of this deployment, and the infras that were checked
//! for instances of another one.
//!
//! Triggers write `made_instances`, with each row of an instance or a local grant.

use std::collections::HashSet;

use agent_pool_core::{InfraId, InstanceId};
use agent_pool_service_kit::db::DbError;
use diesel::dsl::{exists, select};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::schema::{confirmed_infras, made_instances};

/// The ones of `instances` that this deployment began to make, at any time.
pub(crate) async fn find_ours(
    conn: &mut AsyncPgConnection,
    instances: &[&InstanceId],
) -> Result<HashSet<String>, DbError> {
    let ids: Vec<&str> = instances.iter().map(|id| id.as_str()).collect();
    let known: Vec<String> = made_instances::table
        .filter(made_instances::instance_id.eq_any(ids))
        .select(made_instances::instance_id)
        .load(conn)
        .await?;
    Ok(known.into_iter().collect())
}

/// Whether our environment at an infra was found to be used by nobody else.
pub(crate) async fn is_confirmed(
    conn: &mut AsyncPgConnection,
    infra: &InfraId,
) -> Result<bool, DbError> {
    let row = confirmed_infras::table.find(infra.as_str());
    Ok(select(exists(row)).get_result(conn).await?)
}

/// Records that nobody else uses our environment at an infra.
pub(crate) async fn confirm(conn: &mut AsyncPgConnection, infra: &InfraId) -> Result<(), DbError> {
    diesel::insert_into(confirmed_infras::table)
        .values(confirmed_infras::infra_id.eq(infra.as_str()))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    Ok(())
}
