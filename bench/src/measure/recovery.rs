//! How long after `kill -9` of pool-svc during creations another pool-svc has filled the pool. All settings have their
//! defaults, except in the smallest run, to keep it short.

use std::time::Duration;

use tokio::time::Instant;

use super::lab::{Lab, until};
use crate::report::{Figure, Report};
use crate::size::Size;
use crate::standin::{Delays, StandIn};

const INSTANCES: i64 = 5;
const LIMIT: Duration = Duration::from_secs(600);

pub(super) async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let creating_in = |create| Delays {
        create,
        ..Delays::default()
    };
    // So long that the kill hits every creation.
    let hanging = StandIn::start(0, creating_in(LIMIT * 60)).await?;
    let create = lab.pick(Duration::from_millis(200), Duration::from_secs(1));
    let standin = StandIn::start(0, creating_in(create)).await?;
    let mut full = vec![("POOL_MIN_IDLE", INSTANCES.to_string())];
    if lab.size == Size::Tiny {
        full.push(("POOL_WORK_LEASE_MS", "500".to_owned()));
    }
    let mut runs = Vec::new();
    for run in 0..lab.pick(1, 3) {
        let name = format!("recovery_{run}");
        let (pool, database) = lab.pool(&name, &hanging.url, &full).await?;
        until(&database, "starting", INSTANCES, LIMIT).await?;
        let killed = Instant::now();
        pool.kill().await?;
        let (_other, database) = lab.pool(&name, &standin.url, &full).await?;
        until(&database, "idle", INSTANCES, LIMIT).await?;
        runs.push(killed.elapsed().as_secs_f64());
    }
    report.add(Figure::new(
        "from kill -9 during creations to a full pool",
        "s",
        runs,
    ));
    Ok(())
}
