//! Table `instance_services`: the tools of each instance.
//!
//! As in `instance_infra`, a row is written before the vendor is asked. Secrets come and go sealed.

use agent_pool_core::wire::services::ToolStatus;
use agent_pool_core::{EnvName, InstanceId, ResourceId, ToolId};
use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::{Map, Value};

use crate::sealed_env::SealedEnv;

use super::Written;
use super::schema::instance_services::{self, dsl};

/// One tool of an instance.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct InstanceTool {
    pub(crate) tool: ToolId,
    /// What the vendor made; `None` while its answer is not known.
    pub(crate) made: Option<ResourceId>,
    pub(crate) env: SealedEnv,
    pub(crate) status: ToolStatus,
    /// Whether it is to be taken away.
    pub(crate) destroying: bool,
    /// Whether it is being made again, because what was made is gone at the vendor.
    pub(crate) repairing: bool,
    pub(crate) created_at: DateTime<Utc>,
}

impl InstanceTool {
    /// The resource of a tool that the instance has and is to keep.
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
    env_key: String,
    env_value: Option<String>,
    more_env: Option<Value>,
    status: String,
    made_at: Option<DateTime<Utc>>,
    destroying_at: Option<DateTime<Utc>>,
    repairing_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

/// A tool that is about to be provisioned.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = instance_services)]
pub(crate) struct NewTool<'a> {
    instance_id: &'a str,
    tool_id: &'a str,
    resource_id: &'a str,
    env_key: &'a str,
    status: &'static str,
}

impl<'a> NewTool<'a> {
    /// `label` is what the resource will bear at its vendor.
    pub(crate) fn new(
        instance: &'a InstanceId,
        tool: &'a ToolId,
        label: &'a str,
        main: &'a EnvName,
    ) -> Self {
        Self {
            instance_id: instance.as_str(),
            tool_id: tool.as_str(),
            resource_id: label,
            env_key: main.as_str(),
            status: ACTIVE,
        }
    }
}

const ACTIVE: &str = "active";
const DESTROYED: &str = "destroyed";

/// Writes down that tools are about to be provisioned, whatever became of them before.
pub(crate) async fn intend(
    conn: &mut AsyncPgConnection,
    tools: &[NewTool<'_>],
) -> Result<(), DbError> {
    diesel::insert_into(dsl::instance_services)
        .values(tools)
        .on_conflict((dsl::instance_id, dsl::tool_id))
        .do_update()
        .set((
            dsl::status.eq(excluded(dsl::status)),
            dsl::resource_id.eq(excluded(dsl::resource_id)),
            dsl::made_at.eq(excluded(dsl::made_at)),
            dsl::destroying_at.eq(excluded(dsl::destroying_at)),
            dsl::repairing_at.eq(excluded(dsl::repairing_at)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Writes down what the vendor made.
pub(crate) async fn record_made(
    conn: &mut AsyncPgConnection,
    instance: &InstanceId,
    tool: &ToolId,
    resource: &ResourceId,
    env: &SealedEnv,
    metadata: Map<String, Value>,
) -> Result<Written, DbError> {
    let rows = diesel::update(row_of(instance.as_str(), tool.as_str()))
        .set((
            dsl::resource_id.eq(resource.as_str()),
            dsl::resource_meta.eq(Value::Object(metadata)),
            dsl::env_key.eq(env.key.as_str()),
            dsl::env_value.eq(&env.value),
            dsl::more_env.eq(Value::Object(env.more.clone())),
            dsl::made_at.eq(now),
        ))
        .execute(conn)
        .await?;
    Ok(Written::of(rows))
}

/// Marks one tool to be taken away.
pub(crate) async fn mark_destroying(
    conn: &mut AsyncPgConnection,
    instance: &InstanceId,
    tool: &ToolId,
) -> Result<Written, DbError> {
    let rows = diesel::update(row_of(instance.as_str(), tool.as_str()))
        .set(dsl::destroying_at.eq(now))
        .execute(conn)
        .await?;
    Ok(Written::of(rows))
}

/// Marks one tool to be made again.
pub(crate) async fn mark_repairing(
    conn: &mut AsyncPgConnection,
    instance: &InstanceId,
    tool: &ToolId,
) -> Result<Written, DbError> {
    let rows = diesel::update(row_of(instance.as_str(), tool.as_str()))
        .set(dsl::repairing_at.eq(now))
        .execute(conn)
        .await?;
    Ok(Written::of(rows))
}

/// Writes down that a tool was made again, and that its instance has the variables.
pub(crate) async fn record_repaired(
    conn: &mut AsyncPgConnection,
    instance: &InstanceId,
    tool: &ToolId,
) -> Result<Written, DbError> {
    let rows = diesel::update(row_of(instance.as_str(), tool.as_str()))
        .set(dsl::repairing_at.eq(None::<DateTime<Utc>>))
        .execute(conn)
        .await?;
    Ok(Written::of(rows))
}

/// Writes down that a tool is gone, and forgets its secrets. Where its row is gone too, there is nothing
/// to write.
pub(crate) async fn record_destroyed(
    conn: &mut AsyncPgConnection,
    instance: &InstanceId,
    tool: &ToolId,
) -> Result<(), DbError> {
    diesel::update(row_of(instance.as_str(), tool.as_str()))
        .set((
            dsl::status.eq(DESTROYED),
            dsl::env_value.eq(None::<String>),
            dsl::more_env.eq(None::<Value>),
        ))
        .execute(conn)
        .await?;
    Ok(())
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

#[diesel::dsl::auto_type]
fn row_of<'a>(instance: &'a str, tool: &'a str) -> _ {
    instance_services::table.filter(
        instance_services::instance_id
            .eq(instance)
            .and(instance_services::tool_id.eq(tool)),
    )
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
            env: SealedEnv {
                key: self.env_key.parse().map_err(text)?,
                value: self.env_value,
                more: self
                    .more_env
                    .map_or_else(|| Ok(Map::new()), serde_json::from_value)
                    .map_err(|_| "more_env is no object".to_owned())?,
            },
            status: match self.status.as_str() {
                ACTIVE => ToolStatus::Active,
                DESTROYED => ToolStatus::Destroyed,
                other => return Err(format!("unknown status {other:?}")),
            },
            destroying: self.destroying_at.is_some(),
            repairing: self.repairing_at.is_some(),
            created_at: self.created_at,
        })
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use agent_pool_service_kit::testing::fresh_database;

    use super::*;
    use crate::db::{MIGRATIONS, instance_infra};

    #[tokio::test]
    async fn a_row_goes_from_intended_to_made_to_destroyed_and_back() {
        let db = fresh_database(MIGRATIONS, "services").await.db();
        let mut conn = db.conn().await.unwrap();
        let (instance, tool) = (InstanceId::generate(), "acme".parse().unwrap());
        let infra = "cellar".parse().unwrap();
        instance_infra::intend(&mut conn, &instance, &infra, "label")
            .await
            .unwrap();
        let key: EnvName = "ACME_KEY".parse().unwrap();
        let new = NewTool::new(&instance, &tool, "label", &key);
        intend(&mut conn, std::slice::from_ref(&new)).await.unwrap();
        let row = load(&mut conn, &instance).await.unwrap().remove(0);
        assert_eq!(
            (&row.made, row.in_use(), row.status),
            (&None, None, ToolStatus::Active)
        );

        let resource: ResourceId = "r-1".parse().unwrap();
        let more = Map::from_iter([("ACME_USER".to_owned(), "sealed".into())]);
        let value = Some("sealed too".to_owned());
        let env = SealedEnv {
            key: key.clone(),
            value,
            more,
        };
        let written = record_made(&mut conn, &instance, &tool, &resource, &env, Map::new())
            .await
            .unwrap();
        assert_eq!(written, Written::Yes);
        let row = load(&mut conn, &instance).await.unwrap().remove(0);
        assert_eq!((row.in_use(), &row.env), (Some(&resource), &env));

        let marked = mark_destroying(&mut conn, &instance, &tool).await.unwrap();
        assert_eq!(marked, Written::Yes);
        assert_eq!(load(&mut conn, &instance).await.unwrap()[0].in_use(), None);
        record_destroyed(&mut conn, &instance, &tool).await.unwrap();
        let row = load(&mut conn, &instance).await.unwrap().remove(0);
        assert_eq!((row.status, row.env.value), (ToolStatus::Destroyed, None));
        assert!(row.env.more.is_empty());

        intend(&mut conn, &[new]).await.unwrap();
        let row = load(&mut conn, &instance).await.unwrap().remove(0);
        assert_eq!(
            (row.made, row.status, row.destroying),
            (None, ToolStatus::Active, false)
        );

        instance_infra::delete(&mut conn, &instance).await.unwrap();
        let made = record_made(&mut conn, &instance, &tool, &resource, &env, Map::new())
            .await
            .unwrap();
        let marked = mark_destroying(&mut conn, &instance, &tool).await.unwrap();
        assert_eq!((made, marked), (Written::NoRow, Written::NoRow));
    }
}
