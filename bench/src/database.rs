//! A private Postgres, and the rows that a measurement starts from.

use std::process::Command;

use agent_pool_core::settings::Environment;
use agent_pool_service_kit::db::embedded::{Data, Embedded, Options};
use anyhow::Context as _;
use tokio_postgres::{Client, NoTls};
use url::Url;

/// The server of all measurements.
#[derive(Debug)]
pub(crate) struct Server {
    embedded: Embedded,
}

/// One database on it.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(crate) url: Url,
}

impl Server {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let options = Options::new(Data::Temporary, &Environment::of_process());
        let embedded = Embedded::start(options).await?;
        Ok(Self { embedded })
    }

    /// A new or existing database of this name.
    pub(crate) async fn database(&self, name: &str) -> anyhow::Result<Database> {
        let url = self.embedded.database(name).await?;
        let url = Url::parse(url.as_secret().expose())?;
        Ok(Database { url })
    }

    pub(crate) async fn stop(self) {
        self.embedded.stop().await;
    }
}

impl Database {
    pub(crate) async fn client(&self) -> anyhow::Result<Client> {
        let (client, connection) = tokio_postgres::connect(self.url.as_str(), NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Replaces all instances by this number of idle ones, whose runtimes are at `runtimes`.
    pub(crate) async fn fill(&self, count: u32, runtimes: &Url) -> anyhow::Result<()> {
        let client = self.client().await?;
        client
            .batch_execute("TRUNCATE instances, instance_events, claim_waiters, claim_keys")
            .await?;
        let sql = format!(
            "INSERT INTO instances (id, name, url, status, created_at, made_at, last_healthy_at)
             SELECT id, 'convos-agent-' || id, '{runtimes}runtime/' || id, 'idle',
                    now() - interval '1 hour', now(), now()
             FROM (SELECT 'i' || lpad(n::text, 11, '0') AS id FROM generate_series(1, {count}) AS n) AS ids"
        );
        client.batch_execute(&sql).await?;
        client.batch_execute("VACUUM ANALYZE instances").await?;
        Ok(())
    }

    /// How many instances have this status.
    pub(crate) async fn count(&self, status: &str) -> anyhow::Result<i64> {
        let client = self.client().await?;
        let sql = "SELECT count(*) FROM instances WHERE status = $1";
        Ok(client.query_one(sql, &[&status]).await?.get(0))
    }

    /// Adds an idle instance, as the end of a creation does.
    pub(crate) async fn add_idle(&self, number: u32, runtimes: &Url) -> anyhow::Result<()> {
        let client = self.client().await?;
        let sql = format!(
            "INSERT INTO instances (id, name, url, status, made_at, last_healthy_at)
             SELECT id, 'convos-agent-' || id, '{runtimes}runtime/' || id, 'idle', now(), now()
             FROM (SELECT 'i' || lpad('{number}', 11, '0') AS id) AS ids;
             SELECT pg_notify('agent_pool_claims', '')"
        );
        Ok(client.batch_execute(&sql).await?)
    }

    /// How many claims wait.
    pub(crate) async fn waiting(&self) -> anyhow::Result<i64> {
        let client = self.client().await?;
        let sql = "SELECT count(*) FROM claim_waiters";
        Ok(client.query_one(sql, &[]).await?.get(0))
    }

    /// The process id of the server, whose children serve the connections.
    pub(crate) async fn server_pid(&self) -> anyhow::Result<u32> {
        let client = self.client().await?;
        let sql = "SELECT current_setting('data_directory')";
        let folder: String = client.query_one(sql, &[]).await?.get(0);
        let pid = std::fs::read_to_string(format!("{folder}/postmaster.pid"))?;
        Ok(pid
            .lines()
            .next()
            .context("an empty postmaster.pid")?
            .parse()?)
    }

    /// A command of PostgreSQL's, such as `pgbench`, pointed at this database.
    pub(crate) fn command(&self, program: &str) -> anyhow::Result<Command> {
        let output = Command::new("pg_config").arg("--bindir").output();
        let found = output
            .ok()
            .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        let folders = found.into_iter().chain(installed());
        let path = folders
            .map(|folder| std::path::Path::new(&folder).join(program))
            .find(|path| path.exists())
            .with_context(|| {
                format!("{program} is not installed (Debian: apt install postgresql)")
            })?;
        let mut command = Command::new(path);
        command
            .env("PGHOST", self.url.host_str().unwrap_or_default())
            .env("PGPORT", self.url.port().unwrap_or(5432).to_string())
            .env("PGUSER", self.url.username())
            .env("PGPASSWORD", self.url.password().unwrap_or_default())
            .env("PGDATABASE", self.url.path().trim_start_matches('/'));
        Ok(command)
    }
}

/// The folders of Debian's packages, the newest version first.
fn installed() -> Vec<String> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let mut folders: Vec<String> = versions
        .filter_map(|entry| Some(format!("{}/bin", entry.ok()?.path().display())))
        .collect();
    folders.sort();
    folders.reverse();
    folders
}
