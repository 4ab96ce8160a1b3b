//! A database with a full disk: its tables are on a small tmpfs.

use std::path::Path;
use std::time::Duration;

use agent_pool_core::settings::Environment;
use agent_pool_service_kit::db::embedded::{Data, Embedded, Options};
use tempfile::TempDir;
use url::Url;

use super::disk::Disk;
use super::site::Site;
use crate::lab::open_to_all;
use crate::rows::Database;

/// The size of the disk: two databases fit, and little more.
const SIZE: &str = "size=40m";

/// How long a client that came back waited after space was freed.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// Until a claim was served.
    pub recovered: Duration,
}

/// Runs the scenario, as root: it mounts a disk. `exe` is the binary `crash-lab`.
///
/// # Errors
/// A service does not continue, or answers a claim meanwhile with anything but 503 and `Retry-After`.
pub async fn run(exe: &Path) -> anyhow::Result<Report> {
    let folder = TempDir::with_prefix("crash-lab-disk-")?;
    open_to_all(folder.path())?;
    let data = folder.path().join("postgres");
    let options = Options::new(Data::Keep(data.clone()), &Environment::of_process());
    let server = Embedded::start(options).await?;
    let disk = Disk::mount(folder.path().join("disk"), SIZE, &data)?;
    let url = server.database("postgres").await?;
    let url = Url::parse(url.as_secret().expose())?;
    let session = Database::connect(url.as_str()).await?;
    let location = disk.files().display().to_string();
    let tablespace = format!("CREATE TABLESPACE small LOCATION '{location}'");
    session.execute(&tablespace).await?;
    let mut urls = [url.clone(), url];
    for (name, url) in ["pool", "services"].into_iter().zip(&mut urls) {
        let create = format!("CREATE DATABASE {name} TABLESPACE small");
        session.execute(&create).await?;
        url.set_path(name);
        url.set_query(Some("sslmode=disable"));
    }
    let [pool, services] = urls.map(String::from);
    let site = Site::start(exe, pool, services).await?;
    let done = steps(&disk, &site).await;
    let done = done.map_err(|error| site.with_logs(&error));
    drop((site, session));
    server.stop().await;
    done
}

async fn steps(disk: &Disk, site: &Site) -> anyhow::Result<Report> {
    site.until_warm().await?;
    let processes = site.processes();
    disk.fill()?;
    site.claim_until_refused(&["accepts no writes"]).await?;
    disk.free()?;
    let recovered = site.claim_until_served("after the disk was full").await?;
    site.until_well(processes).await?;
    Ok(Report { recovered })
}
