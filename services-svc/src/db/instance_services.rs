//! Table `instance_services`: the tools of each instance.
//!
//! As in `instance_infra`, a row is written before the vendor is called. Secrets are read and written sealed.

use agent_pool_core::wire::services::ToolStatus;
use agent_pool_core::{EnvName, InstanceId, ParseIdError, ResourceId, ToolId};
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AsChangeset, QueryFragment};
use diesel::sql_types::{Array, Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::{Map, Value};

use crate::sealed_env::SealedEnv;

use super::Written;
use super::instance_leases::Fence;
use super::schema::instance_services::{self, dsl};

/// One tool of an instance.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct InstanceTool {
    pub(crate) tool: ToolId,
    /// The vendor's resource; `None` until its answer is recorded.
    pub(crate) made: Option<ResourceId>,
    /// The provider's metadata, without secrets.
    pub(crate) metadata: Map<String, Value>,
    pub(crate) env: SealedEnv,
    pub(crate) status: ToolStatus,
    /// Whether it is being destroyed.
    pub(crate) destroying: bool,
    /// Whether it is being provisioned again, because its resource is missing at the vendor.
    pub(crate) repairing: bool,
    /// Whether it was added to an instance that does not have its variables yet.
    pub(crate) unset: bool,
    pub(crate) created_at: DateTime<Utc>,
}

impl InstanceTool {
    /// The resource of a tool that is in use.
    pub(crate) fn in_use(&self) -> Option<&ResourceId> {
        let kept = self.status == ToolStatus::Active && !self.destroying;
        self.made.as_ref().filter(|_| kept)
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = instance_services, check_for_backend(diesel::pg::Pg))]
struct Row {
    instance_id: String,
    tool_id: String,
    resource_id: String,
    resource_meta: Option<Value>,
    env_key: String,
    env_value: Option<String>,
    more_env: Option<Value>,
    status: String,
    made_at: Option<DateTime<Utc>>,
    destroying_at: Option<DateTime<Utc>>,
    repairing_at: Option<DateTime<Utc>>,
    unset_since: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

/// When an instance gets the variables of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variables {
    /// With its first deployment, before which its creation is not complete.
    AtStart,
    /// In a separate step, until which the row is marked.
    Apart,
}

/// A tool that is about to be provisioned.
#[derive(Debug, Clone)]
pub(crate) struct NewTool<'a> {
    pub(crate) tool: &'a ToolId,
    /// The variable of its main secret.
    pub(crate) main: &'a EnvName,
}

const ACTIVE: &str = "active";
const DESTROYED: &str = "destroyed";

/// Inserts rows of tools that are about to be provisioned (at least one), or resets the rows of tools that the instance
/// had before. `label` is the label of their resources at the vendors.
pub(crate) async fn insert_intents(
    conn: &mut AsyncPgConnection,
    fence: &Fence,
    label: &str,
    tools: &[NewTool<'_>],
    variables: Variables,
) -> Result<Written, DbError> {
    let ids: Vec<&str> = tools.iter().map(|new| new.tool.as_str()).collect();
    let keys: Vec<&str> = tools.iter().map(|new| new.main.as_str()).collect();
    // Diesel has no INSERT … SELECT of many values. The EXISTS is `fenced!`.
    let rows = diesel::sql_query(
        "INSERT INTO instance_services (instance_id, tool_id, resource_id, env_key, status, unset_since) \
         SELECT $1, tool, $3, key, $4, CASE WHEN $7 THEN now() END FROM unnest($5, $6) AS new (tool, key) \
         WHERE EXISTS (SELECT FROM instance_leases AS lease \
                       WHERE lease.instance_id = $1 AND lease.holder = $2 FOR SHARE) \
         ON CONFLICT (instance_id, tool_id) DO UPDATE \
         SET status = excluded.status, resource_id = excluded.resource_id, unset_since = excluded.unset_since, \
             made_at = NULL, destroying_at = NULL, repairing_at = NULL, adopted_at = NULL",
    )
    .bind::<Text, _>(fence.instance.as_str())
    .bind::<Text, _>(&fence.holder)
    .bind::<Text, _>(label)
    .bind::<Text, _>(ACTIVE)
    .bind::<Array<Text>, _>(ids)
    .bind::<Array<Text>, _>(keys)
    .bind::<Bool, _>(variables == Variables::Apart)
    .execute(conn)
    .await?;
    Ok(Written::from_count(rows))
}

/// Records the vendor's answer.
pub(crate) async fn record_made(
    conn: &mut AsyncPgConnection,
    fence: &Fence,
    tool: &ToolId,
    resource: &ResourceId,
    env: &SealedEnv,
    metadata: Map<String, Value>,
) -> Result<Written, DbError> {
    let changes = (
        dsl::resource_id.eq(resource.as_str()),
        dsl::resource_meta.eq(Value::Object(metadata)),
        dsl::env_key.eq(env.key.as_str()),
        dsl::env_value.eq(&env.value),
        dsl::more_env.eq(Value::Object(env.more.clone())),
        dsl::made_at.eq(now),
    );
    update(conn, fence, tool, changes).await
}

/// Records that the instance has the variables of these tools.
pub(crate) async fn record_set(
    conn: &mut AsyncPgConnection,
    fence: &Fence,
    tools: &[&ToolId],
) -> Result<Written, DbError> {
    let tools: Vec<&str> = tools.iter().map(|tool| tool.as_str()).collect();
    let rows = dsl::instance_services
        .filter(dsl::instance_id.eq(fence.instance.as_str()))
        .filter(dsl::tool_id.eq_any(tools));
    let rows = diesel::update(rows.filter(fenced!(fence)))
        .set(dsl::unset_since.eq(None::<DateTime<Utc>>))
        .execute(conn)
        .await?;
    Ok(Written::from_count(rows))
}

/// Adds members to the metadata of one resource, or replaces them. It needs no fence: an active resource has one row,
/// and no decision depends on its metadata.
pub(crate) async fn merge_metadata(
    conn: &mut AsyncPgConnection,
    tool: &ToolId,
    resource: &ResourceId,
    metadata: Map<String, Value>,
) -> Result<(), DbError> {
    let merged = dsl::resource_meta
        .concat(Value::Object(metadata))
        .nullable();
    let rows = dsl::instance_services
        .filter(dsl::tool_id.eq(tool.as_str()))
        .filter(dsl::resource_id.eq(resource.as_str()));
    diesel::update(rows)
        .set(dsl::resource_meta.eq(merged))
        .execute(conn)
        .await?;
    Ok(())
}

/// Marks one tool for destruction.
pub(crate) async fn mark_destroying(
    conn: &mut AsyncPgConnection,
    fence: &Fence,
    tool: &ToolId,
) -> Result<Written, DbError> {
    update(conn, fence, tool, dsl::destroying_at.eq(now)).await
}

/// Marks one tool for repair.
pub(crate) async fn mark_repairing(
    conn: &mut AsyncPgConnection,
    fence: &Fence,
    tool: &ToolId,
) -> Result<Written, DbError> {
    update(conn, fence, tool, dsl::repairing_at.eq(now)).await
}

/// Records that a tool was provisioned again and that its instance has the variables.
pub(crate) async fn record_repaired(
    conn: &mut AsyncPgConnection,
    fence: &Fence,
    tool: &ToolId,
) -> Result<Written, DbError> {
    let repaired = dsl::repairing_at.eq(None::<DateTime<Utc>>);
    update(conn, fence, tool, repaired).await
}

/// Records that a tool is destroyed, and deletes its secrets.
pub(crate) async fn record_destroyed(
    conn: &mut AsyncPgConnection,
    fence: &Fence,
    tool: &ToolId,
) -> Result<Written, DbError> {
    let changes = (
        dsl::status.eq(DESTROYED),
        dsl::env_value.eq(None::<String>),
        dsl::more_env.eq(None::<Value>),
    );
    update(conn, fence, tool, changes).await
}

/// The only fenced update of a row: it changes nothing if the caller has lost the lease of the instance.
async fn update<C>(
    conn: &mut AsyncPgConnection,
    fence: &Fence,
    tool: &ToolId,
    changes: C,
) -> Result<Written, DbError>
where
    C: AsChangeset<Target = instance_services::table>,
    C::Changeset: QueryFragment<Pg> + Send,
{
    let row = dsl::instance_services
        .filter(dsl::instance_id.eq(fence.instance.as_str()))
        .filter(dsl::tool_id.eq(tool.as_str()));
    let rows = diesel::update(row.filter(fenced!(fence)))
        .set(changes)
        .execute(conn)
        .await?;
    Ok(Written::from_count(rows))
}

/// Every tool that an instance has or had, in order of id.
pub(crate) async fn load(
    conn: &mut AsyncPgConnection,
    instance: &InstanceId,
) -> Result<Vec<InstanceTool>, DbError> {
    let rows: Vec<Row> = dsl::instance_services
        .filter(dsl::instance_id.eq(instance.as_str()))
        .order(dsl::tool_id)
        .select(Row::as_select())
        .load(conn)
        .await?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The tools in use of these instances.
pub(crate) async fn load_in_use(
    conn: &mut AsyncPgConnection,
    instances: &[InstanceId],
) -> Result<Vec<(InstanceId, InstanceTool)>, DbError> {
    let ids: Vec<&str> = instances.iter().map(InstanceId::as_str).collect();
    let rows: Vec<Row> = dsl::instance_services
        .filter(dsl::instance_id.eq_any(ids))
        .filter(dsl::status.eq(ACTIVE))
        .filter(dsl::destroying_at.is_null())
        .select(Row::as_select())
        .load(conn)
        .await?;
    let tool = |row: Row| {
        let id = row.instance_id.parse();
        let id = id.map_err(|error: ParseIdError| DbError::CorruptRow {
            table: "instance_services",
            key: row.instance_id.clone(),
            problem: error.to_string(),
        })?;
        Ok((id, row.try_into()?))
    };
    rows.into_iter().map(tool).collect()
}

impl TryFrom<Row> for InstanceTool {
    type Error = DbError;

    fn try_from(row: Row) -> Result<Self, DbError> {
        let key = format!("{}/{}", row.instance_id, row.tool_id);
        row.into_domain().map_err(|problem| DbError::CorruptRow {
            table: "instance_services",
            key,
            problem,
        })
    }
}

impl Row {
    fn into_domain(self) -> Result<InstanceTool, String> {
        let made = self.made_at.map(|_| self.resource_id.parse()).transpose();
        Ok(InstanceTool {
            tool: self.tool_id.parse().map_err(text)?,
            made: made.map_err(text)?,
            metadata: self
                .resource_meta
                .map_or_else(|| Ok(Map::new()), serde_json::from_value)
                .map_err(|_| "resource_meta is not an object".to_owned())?,
            env: SealedEnv {
                key: self.env_key.parse().map_err(text)?,
                value: self.env_value,
                more: self
                    .more_env
                    .map_or_else(|| Ok(Map::new()), serde_json::from_value)
                    .map_err(|_| "more_env is not an object".to_owned())?,
            },
            status: match self.status.as_str() {
                ACTIVE => ToolStatus::Active,
                DESTROYED => ToolStatus::Destroyed,
                other => return Err(format!("unknown status {other:?}")),
            },
            destroying: self.destroying_at.is_some(),
            repairing: self.repairing_at.is_some(),
            unset: self.unset_since.is_some(),
            created_at: self.created_at,
        })
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use agent_pool_service_kit::db::Conn;
    use agent_pool_service_kit::testing::fresh_database;

    use super::*;
    use crate::db::{MIGRATIONS, instance_infra, instance_leases};

    const LEASE: Duration = Duration::from_mins(1);

    /// A new instance whose row is written, and its lease.
    async fn leased() -> (Conn, Fence) {
        let database = fresh_database(MIGRATIONS, "services").await;
        let mut conn = database.db().conn().await.unwrap();
        let fence = Fence::new(&InstanceId::generate());
        let taken = instance_leases::take(&mut conn, &fence, LEASE).await;
        assert!(taken.unwrap());
        let infra = "cellar".parse().unwrap();
        let new = instance_infra::NewInstance {
            infra: &infra,
            label: "label",
            runtime_key: "sealed",
        };
        let intended = instance_infra::insert_intent(&mut conn, &fence, new).await;
        assert_eq!(intended.unwrap(), Written::Yes);
        (conn, fence)
    }

    fn sealed(key: &EnvName) -> SealedEnv {
        SealedEnv {
            key: key.clone(),
            value: Some("sealed too".to_owned()),
            more: Map::from_iter([("ACME_USER".to_owned(), "sealed".into())]),
        }
    }

    #[tokio::test]
    async fn a_write_after_a_lost_lease_is_refused() {
        let (mut conn, fence) = leased().await;
        let (tool, key) = ("acme".parse().unwrap(), "ACME_KEY".parse().unwrap());
        let new = [NewTool {
            tool: &tool,
            main: &key,
        }];
        let intended = insert_intents(&mut conn, &fence, "label", &new, Variables::Apart).await;
        assert_eq!(intended.unwrap(), Written::Yes);
        let before = load(&mut conn, &fence.instance).await.unwrap();
        instance_leases::release(&mut conn, &fence).await.unwrap();
        let other = Fence::new(&fence.instance);
        let taken = instance_leases::take(&mut conn, &other, LEASE).await;
        assert!(taken.unwrap());
        let (resource, env) = ("r-1".parse().unwrap(), sealed(&key));
        for written in [
            insert_intents(&mut conn, &fence, "another", &new, Variables::Apart).await,
            record_made(&mut conn, &fence, &tool, &resource, &env, Map::new()).await,
            mark_destroying(&mut conn, &fence, &tool).await,
            mark_repairing(&mut conn, &fence, &tool).await,
            record_repaired(&mut conn, &fence, &tool).await,
            record_set(&mut conn, &fence, &[&tool]).await,
            record_destroyed(&mut conn, &fence, &tool).await,
        ] {
            assert_eq!(written.unwrap(), Written::NoRow);
        }
        assert_eq!(load(&mut conn, &fence.instance).await.unwrap(), before);
    }

    #[tokio::test]
    async fn merged_metadata_replaces_its_members_and_keeps_the_others() {
        let (mut conn, fence) = leased().await;
        let (tool, key) = ("acme".parse().unwrap(), "ACME_KEY".parse().unwrap());
        let new = [NewTool {
            tool: &tool,
            main: &key,
        }];
        let _ = insert_intents(&mut conn, &fence, "label", &new, Variables::Apart)
            .await
            .unwrap();
        let resource: ResourceId = "r-1".parse().unwrap();
        let member = |name: &str, value: &str| (name.to_owned(), Value::from(value));
        let metadata = Map::from_iter([member("campaign", "waiting"), member("label", "l")]);
        let env = sealed(&key);
        let _ = record_made(&mut conn, &fence, &tool, &resource, &env, metadata)
            .await
            .unwrap();
        let change = Map::from_iter([member("campaign", "assigned")]);
        for resource in [&resource, &"another".parse().unwrap()] {
            merge_metadata(&mut conn, &tool, resource, change.clone())
                .await
                .unwrap();
        }
        let row = load(&mut conn, &fence.instance).await.unwrap().remove(0);
        let expected = Map::from_iter([member("campaign", "assigned"), member("label", "l")]);
        assert_eq!(row.metadata, expected);
    }

    #[tokio::test]
    async fn a_row_goes_from_intended_to_made_to_destroyed_and_back() {
        let (mut conn, fence) = leased().await;
        let (fence, instance) = (&fence, fence.instance.clone());
        let (tool, key) = ("acme".parse().unwrap(), "ACME_KEY".parse().unwrap());
        let new = [NewTool {
            tool: &tool,
            main: &key,
        }];
        let intended = insert_intents(&mut conn, fence, "label", &new, Variables::Apart).await;
        assert_eq!(intended.unwrap(), Written::Yes);
        let row = load(&mut conn, &instance).await.unwrap().remove(0);
        assert_eq!(
            (&row.made, row.in_use(), row.status),
            (&None, None, ToolStatus::Active)
        );

        let resource: ResourceId = "r-1".parse().unwrap();
        let env = sealed(&key);
        let written = record_made(&mut conn, fence, &tool, &resource, &env, Map::new())
            .await
            .unwrap();
        assert_eq!(written, Written::Yes);
        let row = load(&mut conn, &instance).await.unwrap().remove(0);
        assert_eq!((row.in_use(), &row.env), (Some(&resource), &env));
        assert!(row.unset, "the instance does not have its variables yet");
        let set = record_set(&mut conn, fence, &[&tool]).await.unwrap();
        assert_eq!(set, Written::Yes);
        assert!(!load(&mut conn, &instance).await.unwrap()[0].unset);

        let marked = mark_destroying(&mut conn, fence, &tool).await.unwrap();
        assert_eq!(marked, Written::Yes);
        assert_eq!(load(&mut conn, &instance).await.unwrap()[0].in_use(), None);
        let gone = record_destroyed(&mut conn, fence, &tool).await.unwrap();
        assert_eq!(gone, Written::Yes);
        let row = load(&mut conn, &instance).await.unwrap().remove(0);
        assert_eq!((row.status, row.env.value), (ToolStatus::Destroyed, None));
        assert!(row.env.more.is_empty());

        let intended = insert_intents(&mut conn, fence, "label", &new, Variables::Apart).await;
        assert_eq!(intended.unwrap(), Written::Yes);
        let row = load(&mut conn, &instance).await.unwrap().remove(0);
        assert_eq!(
            (row.made, row.status, row.destroying),
            (None, ToolStatus::Active, false)
        );

        let deleted = instance_infra::delete(&mut conn, fence).await.unwrap();
        assert_eq!(deleted, Written::Yes);
        let made = record_made(&mut conn, fence, &tool, &resource, &env, Map::new())
            .await
            .unwrap();
        let marked = mark_destroying(&mut conn, fence, &tool).await.unwrap();
        assert_eq!((made, marked), (Written::NoRow, Written::NoRow));
    }
}
