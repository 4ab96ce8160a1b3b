//! Resident memory of pool-svc: with an empty fleet, and what each instance adds.

use super::lab::Lab;
use crate::machine::resident_kib;
use crate::report::{Figure, Report};
use crate::standin::{Delays, StandIn};

pub(super) async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let fleet = lab.pick(100, 50_000);
    let (mut empty, mut each) = (Vec::new(), Vec::new());
    for run in 0..lab.runs() {
        let standin = StandIn::start(fleet, Delays::default()).await?;
        let (pool, database) = lab
            .pool(&format!("footprint_{run}"), &standin.url, &[])
            .await?;
        let before = resident_kib(pool.pid)?;
        database.fill(fleet, &standin.url).await?;
        lab.tick(&pool).await?;
        let after = resident_kib(pool.pid)?;
        empty.push(before);
        each.push((after - before) / f64::from(fleet));
    }
    report.add(Figure::new(
        "resident memory of pool-svc, empty fleet",
        "KiB",
        empty,
    ));
    let name = format!("resident memory per instance, after a tick of {fleet}");
    report.add(Figure::new(name, "KiB", each));
    Ok(())
}
