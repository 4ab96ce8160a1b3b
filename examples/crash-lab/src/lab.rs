//! Shared by all systems: a private Postgres that can be killed, and this program.

use std::path::{Path, PathBuf};
use std::time::Duration;

use agent_pool_core::settings::Environment;
use agent_pool_service_kit::db::embedded::{Data, Embedded, Options};
use agent_pool_stack::Service;
use anyhow::{Context as _, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use url::Url;

use crate::pg_proxy::Upstream;
use crate::rows::Database;

/// How long Postgres may take to restart after it was killed.
const BACK_WITHIN: Duration = Duration::from_secs(60);

/// A Postgres, and the binary of the services. Dropping it stops Postgres.
#[derive(Debug)]
pub struct Lab {
    exe: PathBuf,
    postgres: Mutex<Option<Embedded>>,
    upstream: Upstream,
    folder: TempDir,
    url: Url,
    http: reqwest::Client,
}

impl Lab {
    /// Starts a Postgres. `exe` is the binary `crash-lab`, which is the services as well.
    ///
    /// # Errors
    /// There is no PostgreSQL on this machine, or it does not start.
    pub async fn start(exe: PathBuf) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("crash-lab-").tempdir()?;
        open_to_all(folder.path())?;
        let postgres = start(folder.path()).await?;
        let url = postgres.database("postgres").await?;
        let url = Url::parse(url.as_secret().expose())?;
        let session = Database::connect(url.as_str()).await?;
        // Only processes are killed, not the machine, so the operating system writes everything that it was given.
        session.execute("ALTER SYSTEM SET fsync = off").await?;
        session.execute("SELECT pg_reload_conf()").await?;
        for service in [Service::PoolSvc, Service::ServicesSvc] {
            let template = postgres.database(service.name()).await?;
            service.migrate(&template).await?;
        }
        let upstream = Upstream::default();
        let lab = Self {
            exe,
            postgres: Mutex::new(Some(postgres)),
            upstream,
            folder,
            url,
            http: http()?,
        };
        lab.found(&lab.url.clone())?;
        Ok(lab)
    }

    pub(crate) fn exe(&self) -> &Path {
        &self.exe
    }

    /// The HTTP client of the lab. Creating one takes a tenth of a second.
    pub(crate) fn http(&self) -> reqwest::Client {
        self.http.clone()
    }

    pub(crate) fn upstream(&self) -> Upstream {
        self.upstream.clone()
    }

    /// Creates a database with the tables of a service, and returns its name.
    pub(crate) async fn database(&self, service: Service) -> anyhow::Result<String> {
        self.copy_of(service.name()).await
    }

    /// Creates a database without tables, and returns its name.
    pub(crate) async fn empty_database(&self) -> anyhow::Result<String> {
        self.copy_of("template1").await
    }

    async fn copy_of(&self, template: &str) -> anyhow::Result<String> {
        let letters: Vec<char> = ('a'..='z').collect();
        let name = nanoid::nanoid!(16, &letters);
        let session = Database::connect(&self.database_url("postgres", None)?).await?;
        let copy = format!("CREATE DATABASE {name} TEMPLATE \"{template}\"");
        session.execute(&copy).await?;
        Ok(name)
    }

    /// The URL of a database, directly or through the proxy at `port`.
    pub(crate) fn database_url(&self, name: &str, port: Option<u16>) -> anyhow::Result<String> {
        let mut url = self.url.clone();
        let port = match port {
            Some(port) => port,
            None => self.upstream.port()?,
        };
        url.set_port(Some(port)).ok().context("a URL with a port")?;
        url.set_path(name);
        url.set_query(Some("sslmode=disable"));
        Ok(url.into())
    }

    /// Kills Postgres and all its processes with SIGKILL, and starts it again from its files.
    ///
    /// # Errors
    /// It does not start again.
    pub async fn kill_postgres(&self) -> anyhow::Result<()> {
        let mut postgres = self.postgres.lock().await;
        let pid = std::fs::read_to_string(self.data().join("data/postmaster.pid"))?;
        let pid: i32 = pid.lines().next().unwrap_or_default().parse()?;
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm"));
        let ours = name.map_or(true, |name| name.starts_with("postgres"));
        ensure!(ours, "process {pid} is not Postgres");
        let children = format!("/proc/{pid}/task/{pid}/children");
        let children = std::fs::read_to_string(children).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|id| id.parse().ok());
        for one in [pid].into_iter().chain(children) {
            kill(Pid::from_raw(one), Signal::SIGKILL).ok();
        }
        if let Some(dead) = postgres.take() {
            dead.stop().await;
        }
        let deadline = Instant::now() + BACK_WITHIN;
        let back = loop {
            match start(self.folder.path()).await {
                Ok(back) => break back,
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        };
        let url = back.database("postgres").await?;
        self.found(&Url::parse(url.as_secret().expose())?)?;
        *postgres = Some(back);
        Ok(())
    }

    /// Sets the address of the services' connections.
    fn found(&self, url: &Url) -> anyhow::Result<()> {
        let addresses = url.socket_addrs(|| None)?;
        let address = addresses.first().context("a URL with an address")?;
        self.upstream.is_at(*address);
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("postgres")
    }
}

/// One connection per request, so that none breaks because an earlier one was cut.
pub(crate) fn http() -> anyhow::Result<reqwest::Client> {
    agent_pool_core::http::bare_builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .context("cannot build an HTTP client")
}

async fn start(folder: &Path) -> anyhow::Result<Embedded> {
    let data = Data::Keep(folder.join("postgres"));
    let options = Options::new(data, &Environment::of_process());
    Ok(Embedded::start(options).await?)
}

/// Accessible to the user that Postgres runs as.
pub(crate) fn open_to_all(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))
}
