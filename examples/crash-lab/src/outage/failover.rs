//! A failover by streaming replication, and a switchover back. Both addresses name both servers.

use std::path::Path;
use std::time::Duration;

use super::pair::Pair;
use super::site::Site;

/// How long clients waited after a primary was available again.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// After the old primary was fenced, with its sessions open, and the standby was promoted.
    pub promoted: Duration,
    /// After the primary was stopped, and the other server was promoted.
    pub switched_back: Duration,
}

/// Runs the scenario. `exe` is the binary `crash-lab`.
///
/// # Errors
/// A service does not continue, answers a claim in between with anything but 503 and `Retry-After`, or was restarted.
pub async fn run(exe: &Path) -> anyhow::Result<Report> {
    let mut pair = Pair::start().await?;
    let pool = pair.database("pool").await?;
    let services = pair.database("services").await?;
    let site = Site::start(exe, pool, services).await?;
    let done = steps(&mut pair, &site).await;
    done.map_err(|error| site.with_logs(&error))
}

async fn steps(pair: &mut Pair, site: &Site) -> anyhow::Result<Report> {
    site.until_warm().await?;
    let processes = site.processes();
    pair.fence(0).await?;
    site.claim_until_refused(&["accepts no writes"]).await?;
    site.until_ready_is(503).await?;
    pair.promote(1).await?;
    let promoted = site.claim_until_served("after the failover").await?;
    site.until_ready_is(200).await?;
    site.until_warm().await?;
    // The old primary comes back as the standby of the new one, and takes over from it.
    pair.follow(0, 1).await?;
    pair.stop(1).await;
    pair.promote(0).await?;
    let switched_back = site.claim_until_served("after the switchover").await?;
    site.until_well(processes).await?;
    Ok(Report {
        promoted,
        switched_back,
    })
}
