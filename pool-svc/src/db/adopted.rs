//! Inserting the instances that are taken over from the Node.js original.

use agent_pool_service_kit::db::DbError;
use chrono::{DateTime, Utc};
use diesel::sql_query;
use diesel::sql_types::{Jsonb, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use serde_json::json;

use crate::lifecycle::Cause;

/// An instance of the original.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct AdoptedInstance {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) url: Option<String>,
    pub(crate) status: &'static str,
    pub(crate) agent_name: Option<String>,
    pub(crate) conversation_id: Option<String>,
    pub(crate) invite_url: Option<String>,
    pub(crate) instructions: Option<String>,
    /// The key of its runtime, not sealed.
    pub(crate) runtime_key: Option<String>,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) claimed_at: Option<DateTime<Utc>>,
}

/// Inserts instances as already created, and logs that they were adopted.
pub(crate) async fn insert(
    conn: &mut AsyncPgConnection,
    instances: &[AdoptedInstance],
) -> Result<(), DbError> {
    // Diesel has no INSERT from JSON, nor one inside a WITH.
    sql_query(
        "WITH adopted AS (
             INSERT INTO instances (id, name, url, status, agent_name, conversation_id, invite_url, instructions,
                 runtime_key, created_at, claimed_at, made_at, adopted_at)
             SELECT id, name, url, status, agent_name, conversation_id, invite_url, instructions,
                 runtime_key, created_at, claimed_at, created_at, now()
             FROM jsonb_to_recordset($1) AS row (id text, name text, url text, status text, agent_name text,
                 conversation_id text, invite_url text, instructions text, runtime_key text,
                 created_at timestamptz, claimed_at timestamptz)
             RETURNING id, status, pool)
         INSERT INTO instance_events (instance_id, to_status, cause, pool)
         SELECT id, status, $2, pool FROM adopted",
    )
    .bind::<Jsonb, _>(json!(instances))
    .bind::<Text, _>(Cause::Adopted.as_str())
    .execute(conn)
    .await?;
    Ok(())
}
