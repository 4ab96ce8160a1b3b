//! The overhead of a claim, beyond the calls that it waits for.

use std::time::Duration;

use super::lab::Lab;
use crate::load;
use crate::report::{Figure, Report};
use crate::standin::{Delays, StandIn};

const CONFIGURE: Duration = Duration::from_millis(50);
const PROVISION: Duration = Duration::from_millis(200);

pub(super) async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let fleet = lab.pick(50, 1_000);
    let delays = Delays {
        configure: CONFIGURE,
        provision: PROVISION,
        ..Delays::default()
    };
    let standin = StandIn::start(fleet, delays).await?;
    let (pool, database) = lab.pool("overhead", &standin.url, &[]).await?;
    let mut runs = Vec::new();
    for _ in 0..lab.runs() {
        database.fill(fleet, &standin.url).await?;
        let load = load::claims(&pool.url, 1, lab.pick(4, 20)).await?;
        runs.push(load.latency(50));
    }
    let figure = Figure::new("claim p50, configure 50 ms + provision 200 ms", "ms", runs);
    report.add(figure.against(load::milliseconds(CONFIGURE + PROVISION)));
    Ok(())
}
