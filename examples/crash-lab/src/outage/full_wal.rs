//! A database whose write-ahead log has no space left: the server ends, and stays down until there is space.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use tempfile::TempDir;

use super::disk::Disk;
use super::node::Node;
use super::site::Site;
use crate::lab::open_to_all;

/// The size of the disk: some segments of 16 MB fit.
const SIZE: &str = "size=72m";

/// How long a client that came back waited after the server was started again.
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
    let folder = TempDir::with_prefix("crash-lab-wal-")?;
    open_to_all(folder.path())?;
    let mut node = Node::new(folder.path().join("postgres")).await?;
    node.start().await?;
    node.stop().await;
    let disk = Disk::mount(folder.path().join("disk"), SIZE, node.folder())?;
    move_log(node.folder(), &disk.files())?;
    node.start().await?;
    let (server, url) = node.running()?;
    let mut urls = [url.clone(), url.clone()];
    for (name, url) in ["pool", "services"].into_iter().zip(&mut urls) {
        server.database(name).await?;
        url.set_path(name);
        url.set_query(Some("sslmode=disable"));
        let port = url.set_port(Some(node.port()));
        ensure!(port.is_ok(), "{url} takes no port");
    }
    let [pool, services] = urls.map(String::from);
    let site = Site::start(exe, pool, services).await?;
    let done = steps(&disk, &mut node, &site).await;
    let done = done.map_err(|error| site.with_logs(&error));
    drop(site);
    node.stop().await;
    done
}

async fn steps(disk: &Disk, node: &mut Node, site: &Site) -> anyhow::Result<Report> {
    site.until_warm().await?;
    let processes = site.processes();
    let session = node.session().await?;
    disk.fill()?;
    // The space of the segment in use is taken already: the next write needs another one, and may end the server at once.
    let _ = session.execute("SELECT pg_switch_wal()").await;
    drop(session);
    let reasons = ["cannot be reached", "accepts no writes"];
    site.claim_until_refused(&reasons).await?;
    disk.free()?;
    node.stop().await;
    node.start().await?;
    let recovered = site
        .claim_until_served("after the log had no space")
        .await?;
    site.until_well(processes).await?;
    Ok(Report { recovered })
}

/// Moves the write-ahead log of a server that is stopped.
fn move_log(postgres: &Path, to: &Path) -> anyhow::Result<()> {
    let log = postgres.join("data/pg_wal");
    // With owners and modes: the server reads it as another user.
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .arg(log.join("."))
        .arg(to)
        .status();
    ensure!(copied?.success(), "the log cannot be copied");
    fs::remove_dir_all(&log)?;
    std::os::unix::fs::symlink(to, log)?;
    Ok(())
}
