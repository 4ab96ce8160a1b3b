//! A tick over a fleet in which nothing changed, against a client that reads the status batch and does nothing with it.

use super::lab::Lab;
use crate::report::{Figure, Report, median};
use crate::standin::{Delays, StandIn};

pub(super) async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let fleets: &[u32] = match lab.size {
        crate::size::Size::Tiny => &[100],
        crate::size::Size::Full => &[100, 10_000, 50_000],
    };
    for fleet in fleets {
        let standin = StandIn::start(*fleet, Delays::default()).await?;
        let rare = ("TICK_INTERVAL_MS", "3600000".to_owned());
        let (pool, database) = lab
            .pool(&format!("ticks_{fleet}"), &standin.url, &[rare])
            .await?;
        database.fill(*fleet, &standin.url).await?;
        // The first tick stores which instances are healthy. Postgres has the final plans of a connection from the
        // sixth execution on.
        for _ in 0..lab.pick(1, 12) {
            lab.tick(&pool).await?;
        }
        let (mut ticks, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..lab.runs() {
            bare.push(lab.bare_batch(&standin).await?);
            ticks.push(lab.tick(&pool).await?);
        }
        let figure = Figure::new(format!("tick of {fleet} instances"), "ms", ticks);
        report.add(figure.against(median(&bare)));
    }
    Ok(())
}
