//! Inserts rows that are taken over from the Node.js original.

use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::sql_query;
use diesel::sql_types::Jsonb;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// An instance of the original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct AdoptedInfra {
    pub(crate) instance_id: String,
    pub(crate) provider: String,
    pub(crate) provider_service_id: String,
    pub(crate) provider_env_id: String,
    pub(crate) provider_project_id: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) deploy_status: Option<String>,
    pub(crate) runtime_image: Option<String>,
    pub(crate) volume_id: Option<String>,
    /// The key of its runtime, not sealed.
    pub(crate) runtime_key: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
}

/// A tool of an instance of the original.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct AdoptedTool {
    pub(crate) instance_id: String,
    pub(crate) tool_id: String,
    pub(crate) resource_id: String,
    pub(crate) resource_meta: Map<String, Value>,
    pub(crate) env_key: String,
    /// Its secret, not sealed.
    pub(crate) env_value: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
}

/// Inserts instances and their tools as made and started. Their handles are in separate columns, which `instance_infra`
/// reads if there is no handle.
pub(crate) async fn insert(
    conn: &mut AsyncPgConnection,
    infras: &[AdoptedInfra],
    tools: &[AdoptedTool],
) -> Result<(), DbError> {
    // Diesel has no INSERT from JSON, and its table lacks columns.
    sql_query(
        "INSERT INTO instance_infra (instance_id, provider, provider_service_id, provider_env_id, provider_project_id,
             url, deploy_status, runtime_image, volume_id, runtime_key, created_at, made_at, started_at, adopted_at)
         SELECT instance_id, provider, provider_service_id, provider_env_id, provider_project_id,
             url, deploy_status, runtime_image, volume_id, runtime_key, created_at, created_at, created_at, now()
         FROM jsonb_to_recordset($1) AS row (instance_id text, provider text, provider_service_id text,
             provider_env_id text, provider_project_id text, url text, deploy_status text, runtime_image text,
             volume_id text, runtime_key text, created_at timestamptz)",
    )
    .bind::<Jsonb, _>(json!(infras))
    .execute(conn)
    .await?;
    sql_query(
        "INSERT INTO instance_services (instance_id, tool_id, resource_id, resource_meta, env_key, env_value, status,
             created_at, made_at, adopted_at)
         SELECT instance_id, tool_id, resource_id, resource_meta, env_key, env_value, 'active',
             created_at, created_at, now()
         FROM jsonb_to_recordset($1) AS row (instance_id text, tool_id text, resource_id text, resource_meta jsonb,
             env_key text, env_value text, created_at timestamptz)",
    )
    .bind::<Jsonb, _>(json!(tools))
    .execute(conn)
    .await?;
    Ok(())
}
