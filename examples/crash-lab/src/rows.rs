//! The contents of the two databases, read without the services' code.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use tokio_postgres::{Client, NoTls};
use tokio_util::task::AbortOnDropHandle;

/// A session in one database, directly: not through a proxy. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Database {
    client: Arc<Client>,
    _session: Arc<AbortOnDropHandle<()>>,
}

/// A row of Pool's `instances`.
#[derive(Debug, Clone)]
pub(crate) struct PoolRow {
    pub(crate) status: String,
    pub(crate) agent_name: Option<String>,
    pub(crate) conversation_id: Option<String>,
}

/// A row of Services' `instance_infra`, with its tools.
#[derive(Debug, Clone, Default)]
pub(crate) struct InfraRow {
    pub(crate) service: String,
    /// Its creation ended and its destruction has not begun.
    pub(crate) settled: bool,
    pub(crate) tools: BTreeMap<String, ToolRow>,
}

/// A row of `instance_services`.
#[derive(Debug, Clone)]
pub(crate) struct ToolRow {
    pub(crate) resource: String,
    pub(crate) variable: String,
    /// It exists, and no operation is in progress.
    pub(crate) settled: bool,
}

impl Database {
    pub(crate) async fn connect(url: &str) -> anyhow::Result<Self> {
        let connected = tokio_postgres::connect(url, NoTls).await;
        let (client, session) = connected.context("the database does not answer")?;
        let session = tokio::spawn(async move {
            // An error shows at the next query.
            let _ = session.await;
        });
        Ok(Self {
            client: Arc::new(client),
            _session: Arc::new(AbortOnDropHandle::new(session)),
        })
    }

    /// Whether Postgres ended the session.
    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs statements that answer nothing.
    pub(crate) async fn execute(&self, sql: &str) -> anyhow::Result<()> {
        let done = self.client.batch_execute(sql).await;
        done.with_context(|| format!("the statement failed: {sql}"))
    }

    /// The single number that a query returns.
    pub(crate) async fn number(&self, sql: &str) -> anyhow::Result<i64> {
        let row = self.client.query_one(sql, &[]).await;
        let row = row.with_context(|| format!("the query failed: {sql}"))?;
        Ok(row.try_get(0)?)
    }

    /// The single text that a query returns.
    pub(crate) async fn text(&self, sql: &str) -> anyhow::Result<String> {
        let row = self.client.query_one(sql, &[]).await;
        let row = row.with_context(|| format!("the query failed: {sql}"))?;
        Ok(row.try_get(0)?)
    }

    /// Pool's rows by instance.
    pub(crate) async fn instances(&self) -> anyhow::Result<BTreeMap<String, PoolRow>> {
        let sql = "SELECT id, status, agent_name, conversation_id FROM instances";
        let rows = self.client.query(sql, &[]).await?;
        let row = |row: tokio_postgres::Row| {
            let one = PoolRow {
                status: row.try_get(1)?,
                agent_name: row.try_get(2)?,
                conversation_id: row.try_get(3)?,
            };
            Ok((row.try_get(0)?, one))
        };
        rows.into_iter().map(row).collect()
    }

    /// Services' rows by instance.
    pub(crate) async fn infras(&self) -> anyhow::Result<BTreeMap<String, InfraRow>> {
        let sql = "SELECT instance_id, provider_service_id,
                made_at IS NOT NULL AND started_at IS NOT NULL AND destroying_at IS NULL
            FROM instance_infra";
        let mut all = BTreeMap::new();
        for row in self.client.query(sql, &[]).await? {
            let one = InfraRow {
                service: row.try_get(1)?,
                settled: row.try_get(2)?,
                tools: BTreeMap::new(),
            };
            all.insert(row.try_get::<_, String>(0)?, one);
        }
        let sql = "SELECT instance_id, tool_id, resource_id, env_key, made_at IS NOT NULL
                AND destroying_at IS NULL AND repairing_at IS NULL
            FROM instance_services WHERE status = 'active'";
        for row in self.client.query(sql, &[]).await? {
            let one = ToolRow {
                resource: row.try_get(2)?,
                variable: row.try_get(3)?,
                settled: row.try_get(4)?,
            };
            let instance: String = row.try_get(0)?;
            let infra: &mut InfraRow = all.entry(instance).or_default();
            infra.tools.insert(row.try_get(1)?, one);
        }
        Ok(all)
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}
