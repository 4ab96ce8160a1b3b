//! A claim and a tick with more and more rows.

use super::lab::Lab;
use crate::load;
use crate::report::{Point, Report, median};
use crate::standin::{Delays, StandIn};

pub(super) async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let fleets: &[u32] = match lab.size {
        crate::size::Size::Tiny => &[10, 100],
        crate::size::Size::Full => &[100, 1_000, 10_000, 50_000, 200_000],
    };
    for rows in fleets {
        let standin = StandIn::start(*rows, Delays::default()).await?;
        let rare = ("TICK_INTERVAL_MS", "3600000".to_owned());
        let (pool, database) = lab
            .pool(&format!("growth_{rows}"), &standin.url, &[rare])
            .await?;
        database.fill(*rows, &standin.url).await?;
        lab.tick(&pool).await?;
        let mut ticks = Vec::new();
        for _ in 0..lab.runs() {
            ticks.push(lab.tick(&pool).await?);
        }
        let load = load::claims(&pool.url, 1, lab.pick(5, 50)).await?;
        report.growth.push(Point {
            rows: *rows,
            claim_ms: load.latency(50),
            tick_ms: median(&ticks),
        });
    }
    Ok(())
}
