//! Table `instance_infra`: each instance and where it runs.
//!
//! A row is written before its infra is called. Until the answer is recorded, it has the label that the service will
//! have at its vendor, and `made_at` is null.

use std::collections::HashSet;

use agent_pool_core::wire::services::MadeFrom;
use agent_pool_core::{CreatedInfra, DeployStatus, InfraHandle, InfraId, InstanceId};
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::dsl::{exists, not, now, sql};
use diesel::expression::SqlLiteral;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AsChangeset, QueryFragment};
use diesel::sql_types::{Array, Bool, Jsonb, Nullable, Text};
use diesel::upsert::excluded;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde_json::{Value, json};
use url::Url;

use super::Written;
use super::instance_leases::Fence;
use super::schema::instance_infra::{self, dsl};
use super::schema::{instance_leases, instance_services};

/// An instance and where it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InstanceInfra {
    pub(crate) instance: InstanceId,
    pub(crate) infra: InfraId,
    /// The infra's handle; `None` until its answer is recorded.
    pub(crate) made: Option<InfraHandle>,
    pub(crate) url: Option<Url>,
    pub(crate) deploy_status: Option<DeployStatus>,
    /// The reason for the deploy status, in the infra's words.
    pub(crate) deploy_detail: Option<String>,
    /// Whether its creation is complete: it was deployed with all its variables.
    pub(crate) started: bool,
    /// Whether it is being destroyed.
    pub(crate) destroying: bool,
    /// The key of its runtime, sealed; `None` if it has no key of its own.
    pub(crate) runtime_key: Option<String>,
    /// Whether it was taken over from the original: no listing contains it, and its runtime may accept the operators'
    /// keys.
    pub(crate) adopted: bool,
    /// The digest of its image at the last check, as reported by the infra.
    pub(crate) image_digest: Option<String>,
    /// Its recipe; `None` if it was made before recipes were recorded.
    pub(crate) made_from: Option<MadeFrom>,
    pub(crate) created_at: DateTime<Utc>,
}

/// What an infra reports about one of its instances now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Observation {
    pub(crate) instance: InstanceId,
    pub(crate) deploy_status: Option<DeployStatus>,
    /// The reason for the deploy status, in the infra's words.
    pub(crate) deploy_detail: Option<String>,
    pub(crate) url: Option<Url>,
    pub(crate) image: Option<String>,
    pub(crate) image_digest: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = instance_infra, check_for_backend(diesel::pg::Pg))]
struct Row {
    instance_id: String,
    provider: String,
    provider_service_id: String,
    provider_env_id: String,
    provider_project_id: Option<String>,
    url: Option<String>,
    deploy_status: Option<String>,
    // See schema.rs.
    #[diesel(select_expression = sql("instance_infra.deploy_detail"))]
    #[diesel(select_expression_type = SqlLiteral<Nullable<Text>>)]
    deploy_detail: Option<String>,
    runtime_image: Option<String>,
    volume_id: Option<String>,
    handle: Option<Value>,
    made_at: Option<DateTime<Utc>>,
    started_at: Option<DateTime<Utc>>,
    destroying_at: Option<DateTime<Utc>>,
    runtime_key: Option<String>,
    #[diesel(embed)]
    origin: OriginRow,
}

/// The rest of a row, because Diesel tuples are limited to 16 columns.
#[derive(Queryable, Selectable)]
#[diesel(table_name = instance_infra, check_for_backend(diesel::pg::Pg))]
struct OriginRow {
    // See schema.rs.
    #[diesel(select_expression = sql("instance_infra.adopted_at IS NOT NULL"))]
    #[diesel(select_expression_type = SqlLiteral<Bool>)]
    adopted: bool,
    #[diesel(select_expression = sql("instance_infra.image_digest"))]
    #[diesel(select_expression_type = SqlLiteral<Nullable<Text>>)]
    image_digest: Option<String>,
    #[diesel(select_expression = sql("instance_infra.made_from"))]
    #[diesel(select_expression_type = SqlLiteral<Nullable<Jsonb>>)]
    made_from: Option<Value>,
    created_at: DateTime<Utc>,
}

/// An instance that is about to be made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewInstance<'a> {
    pub(crate) infra: &'a InfraId,
    /// The label of its service at the vendor.
    pub(crate) label: &'a str,
    /// The key of its runtime, sealed.
    pub(crate) runtime_key: &'a str,
}

/// The advisory lock under which instances are counted before one is inserted.
const COUNT_LOCK: i64 = 0x6170_696e_7374;

/// Inserts the row of a new instance. [`Written::NoRow`] also if there are `max` instances already.
pub(crate) async fn insert_new(
    conn: &mut AsyncPgConnection,
    fence: &Fence,
    new: NewInstance<'_>,
    max: u32,
) -> Result<Written, DbError> {
    conn.transaction(async |conn| {
        // One creation counts at a time: concurrent ones could together exceed the limit.
        diesel::select(pg_advisory_xact_lock(COUNT_LOCK))
            .execute(conn)
            .await?;
        let count: i64 = dsl::instance_infra.count().get_result(conn).await?;
        if count >= i64::from(max) {
            return Ok(Written::NoRow);
        }
        insert_intent(conn, fence, new).await
    })
    .await
}

diesel::define_sql_function! {
    /// The first of two values that is not null.
    fn coalesce(one: Nullable<Text>, other: Nullable<Text>) -> Nullable<Text>;
}

diesel::define_sql_function! {
    /// Waits for a lock that the end of the transaction releases.
    fn pg_advisory_xact_lock(key: diesel::sql_types::BigInt) -> diesel::sql_types::Text;
}

/// Inserts the row of an instance that is about to be made on an infra. An existing row is left unchanged.
pub(crate) async fn insert_intent(
    conn: &mut AsyncPgConnection,
    fence: &Fence,
    new: NewInstance<'_>,
) -> Result<Written, DbError> {
    let row = (
        fence.instance.as_str().into_sql::<Text>(),
        new.infra.as_str().into_sql::<Text>(),
        new.label.into_sql::<Text>(),
        "".into_sql::<Text>(),
        new.runtime_key.into_sql::<Nullable<Text>>(),
    );
    // An existing row counts as written, which DO NOTHING would not report. A row of an older version that was not
    // started gets its key.
    let rows = diesel::insert_into(dsl::instance_infra)
        .values(diesel::select(row).filter(fenced!(fence)))
        .into_columns((
            dsl::instance_id,
            dsl::provider,
            dsl::provider_service_id,
            dsl::provider_env_id,
            dsl::runtime_key,
        ))
        .on_conflict(dsl::instance_id)
        .do_update()
        .set(dsl::runtime_key.eq(coalesce(dsl::runtime_key, excluded(dsl::runtime_key))))
        .execute(conn)
        .await?;
    Ok(Written::from_count(rows))
}

/// Records the infra's answer.
pub(crate) async fn record_made(
    conn: &mut AsyncPgConnection,
    fence: &Fence,
    created: &CreatedInfra,
) -> Result<Written, DbError> {
    let CreatedInfra { handle, url } = created;
    let changes = (
        dsl::provider_service_id.eq(handle.service.as_str()),
        dsl::provider_env_id.eq(member(handle, "environmentId").unwrap_or_default()),
        dsl::provider_project_id.eq(member(handle, "projectId")),
        dsl::volume_id.eq(member(handle, "volumeId")),
        dsl::runtime_image.eq(&handle.image),
        dsl::handle.eq(&handle.data),
        dsl::url.eq(url.as_str()),
        dsl::made_at.eq(now),
    );
    update(conn, fence, changes).await
}

/// A member of a handle's data that is copied to its own column, for people who query the table.
fn member<'a>(handle: &'a InfraHandle, name: &str) -> Option<&'a str> {
    handle.data.get(name)?.as_str()
}

/// Records that the instance was deployed with all its variables, and its recipe.
pub(crate) async fn record_started(
    conn: &mut AsyncPgConnection,
    fence: &Fence,
    made_from: &MadeFrom,
) -> Result<Written, DbError> {
    // sql_query: the column is not in the schema, see schema.rs.
    let rows = diesel::sql_query(
        "UPDATE instance_infra
         SET started_at = coalesce(started_at, now()), made_from = $3,
             runtime_image = coalesce($4, runtime_image), updated_at = now()
         WHERE instance_id = $1 AND EXISTS (
             SELECT FROM instance_leases WHERE instance_id = $1 AND holder = $2 FOR SHARE)",
    )
    .bind::<Text, _>(fence.instance.as_str())
    .bind::<Text, _>(fence.holder.as_str())
    .bind::<Jsonb, _>(serde_json::to_value(made_from).expect("a wire type is a JSON object"))
    .bind::<Nullable<Text>, _>(made_from.image.as_deref())
    .execute(conn)
    .await?;
    Ok(Written::from_count(rows))
}

/// The only fenced update of a row: it changes nothing if the caller has lost the lease of the instance.
async fn update<C>(
    conn: &mut AsyncPgConnection,
    fence: &Fence,
    changes: C,
) -> Result<Written, DbError>
where
    C: AsChangeset<Target = instance_infra::table> + Send,
    C::Changeset: QueryFragment<Pg> + Send,
{
    let row = dsl::instance_infra.find(fence.instance.as_str());
    let rows = diesel::update(row.filter(fenced!(fence)))
        .set((changes, dsl::updated_at.eq(now)))
        .execute(conn)
        .await?;
    Ok(Written::from_count(rows))
}

/// Marks an instance for destruction, unless it is marked already. The time of the first mark is kept.
pub(crate) async fn mark_destroying(
    conn: &mut AsyncPgConnection,
    fence: &Fence,
) -> Result<Written, DbError> {
    let row = dsl::instance_infra.find(fence.instance.as_str());
    let unmarked = row.filter(dsl::destroying_at.is_null());
    let rows = diesel::update(unmarked.filter(fenced!(fence)))
        .set((dsl::destroying_at.eq(now), dsl::updated_at.eq(now)))
        .execute(conn)
        .await?;
    Ok(Written::from_count(rows))
}

/// Records what the infras report about instances. A URL or image that they do not report is kept: a creation may have
/// recorded it in the meantime.
pub(crate) async fn record_observations(
    conn: &mut AsyncPgConnection,
    seen: &[Observation],
) -> Result<(), DbError> {
    let column =
        |value: fn(&Observation) -> Option<String>| seen.iter().map(value).collect::<Vec<_>>();
    // Diesel has no UPDATE … FROM unnest(…), and one statement per instance would be too many.
    diesel::sql_query(
        "UPDATE instance_infra AS known \
         SET deploy_status = seen.deploy_status, deploy_detail = seen.deploy_detail, \
             url = coalesce(seen.url, known.url), runtime_image = coalesce(seen.image, known.runtime_image), \
             image_digest = coalesce(seen.image_digest, known.image_digest), updated_at = now() \
         FROM unnest($1, $2, $3, $4, $5, $6) \
             AS seen (instance_id, deploy_status, deploy_detail, url, image, image_digest) \
         WHERE known.instance_id = seen.instance_id",
    )
    .bind::<Array<Text>, _>(
        seen.iter()
            .map(|one| one.instance.as_str())
            .collect::<Vec<_>>(),
    )
    .bind::<Array<Nullable<Text>>, _>(column(|one| {
        one.deploy_status.as_ref().map(ToString::to_string)
    }))
    .bind::<Array<Nullable<Text>>, _>(column(|one| one.deploy_detail.clone()))
    .bind::<Array<Nullable<Text>>, _>(column(|one| one.url.as_ref().map(ToString::to_string)))
    .bind::<Array<Nullable<Text>>, _>(column(|one| one.image.clone()))
    .bind::<Array<Nullable<Text>>, _>(column(|one| one.image_digest.clone()))
    .execute(conn)
    .await?;
    Ok(())
}

/// One instance.
pub(crate) async fn find(
    conn: &mut AsyncPgConnection,
    instance: &InstanceId,
) -> Result<Option<InstanceInfra>, DbError> {
    let row = dsl::instance_infra
        .find(instance.as_str())
        .select(Row::as_select())
        .first(conn)
        .await
        .optional()?;
    row.map(TryInto::try_into).transpose()
}

/// Those of `instances` that have a row, or all; ordered by id.
pub(crate) async fn load(
    conn: &mut AsyncPgConnection,
    instances: Option<&[InstanceId]>,
) -> Result<Vec<InstanceInfra>, DbError> {
    let mut query = dsl::instance_infra
        .select(Row::as_select())
        .order(dsl::instance_id)
        .into_boxed();
    if let Some(instances) = instances {
        let ids: Vec<&str> = instances.iter().map(InstanceId::as_str).collect();
        query = query.filter(dsl::instance_id.eq_any(ids));
    }
    let rows: Vec<Row> = query.load(conn).await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Which of `instances` have a row, in any state.
pub(crate) async fn find_existing(
    conn: &mut AsyncPgConnection,
    instances: &[&InstanceId],
) -> Result<HashSet<String>, DbError> {
    let ids: Vec<&str> = instances.iter().map(|id| id.as_str()).collect();
    let existing: Vec<String> = dsl::instance_infra
        .filter(dsl::instance_id.eq_any(ids))
        .select(dsl::instance_id)
        .load(conn)
        .await?;
    Ok(existing.into_iter().collect())
}

/// The ids of all instances that have a row, in any state.
pub(crate) async fn find_all_ids(conn: &mut AsyncPgConnection) -> Result<HashSet<String>, DbError> {
    let ids: Vec<String> = dsl::instance_infra
        .select(dsl::instance_id)
        .load(conn)
        .await?;
    Ok(ids.into_iter().collect())
}

/// The instances with an unfinished operation that nobody is working on, oldest first.
pub(crate) async fn find_abandoned(
    conn: &mut AsyncPgConnection,
) -> Result<Vec<InstanceId>, DbError> {
    let unfinished_tools = instance_services::table
        .filter(instance_services::instance_id.eq(dsl::instance_id))
        .filter(instance_services::status.eq("active"))
        .filter(
            instance_services::made_at
                .is_null()
                .or(instance_services::destroying_at.is_not_null())
                .or(instance_services::repairing_at.is_not_null())
                .or(instance_services::unset_since.is_not_null()),
        );
    let leases = instance_leases::table
        .filter(instance_leases::instance_id.eq(dsl::instance_id))
        .filter(instance_leases::leased_until.ge(now));
    let ids: Vec<String> = dsl::instance_infra
        .filter(
            dsl::started_at
                .is_null()
                .or(dsl::destroying_at.is_not_null())
                .or(exists(unfinished_tools)),
        )
        .filter(not(exists(leases)))
        .order(dsl::created_at)
        .select(dsl::instance_id)
        .load(conn)
        .await?;
    let parse = |id: String| id.parse().map_err(|problem| corrupt(&id, &problem));
    ids.into_iter().map(parse).collect()
}

/// Deletes the rows of an instance and its tools, once all its resources are destroyed.
pub(crate) async fn delete(
    conn: &mut AsyncPgConnection,
    fence: &Fence,
) -> Result<Written, DbError> {
    let row = dsl::instance_infra.find(fence.instance.as_str());
    let rows = diesel::delete(row.filter(fenced!(fence)))
        .execute(conn)
        .await?;
    Ok(Written::from_count(rows))
}

impl TryFrom<Row> for InstanceInfra {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let key = row.instance_id.clone();
        let instance = row.into_domain();
        instance.map_err(|problem| corrupt(&key, &problem))
    }
}

fn corrupt(key: &str, problem: &dyn ToString) -> DbError {
    DbError::CorruptRow {
        table: "instance_infra",
        key: key.to_owned(),
        problem: problem.to_string(),
    }
}

impl Row {
    fn into_domain(self) -> Result<InstanceInfra, String> {
        let instance: InstanceId = self.instance_id.parse().map_err(text)?;
        let made_from = self.origin.made_from.map(serde_json::from_value);
        let made_from: Option<MadeFrom> = made_from.transpose().map_err(text)?;
        let options = made_from.as_ref().map(|made| made.infra_options.clone());
        let url = self.url.as_deref().map(Url::parse).transpose();
        let made = match self.made_at {
            None => None,
            Some(_) => Some(InfraHandle {
                instance: instance.clone(),
                service: self.provider_service_id.parse().map_err(text)?,
                image: self.runtime_image,
                options: options.unwrap_or_default(),
                // A replica of the previous version writes only the columns, as the migration found them.
                data: self.handle.unwrap_or_else(|| {
                    json!({
                        "environmentId": self.provider_env_id,
                        "projectId": self.provider_project_id,
                        "volumeId": self.volume_id,
                    })
                }),
            }),
        };
        Ok(InstanceInfra {
            instance,
            infra: self.provider.parse().map_err(text)?,
            made,
            url: url.map_err(text)?,
            deploy_status: self.deploy_status.map(DeployStatus::from),
            deploy_detail: self.deploy_detail,
            started: self.started_at.is_some(),
            destroying: self.destroying_at.is_some(),
            runtime_key: self.runtime_key,
            image_digest: self.origin.image_digest,
            made_from,
            adopted: self.origin.adopted,
            created_at: self.origin.created_at,
        })
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests;
