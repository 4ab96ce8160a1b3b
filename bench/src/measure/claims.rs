//! Claims per second and their latency, with a large idle fleet and running ticks, against pgbench.

use std::time::Duration;

use super::lab::Lab;
use crate::load::{self, Load};
use crate::machine::cpu_time;
use crate::pgbench;
use crate::report::{Figure, Report, median};
use crate::standin::{Delays, StandIn};

/// One run with its CPU times.
struct Run {
    load: Load,
    postgres: Duration,
    pool: Duration,
    /// What pgbench makes of the same statements.
    pgbench: f64,
}

pub(super) async fn run(lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
    let fleet = lab.pick(100, 20_000);
    let claims = lab.pick(64, 8_000);
    let standin = StandIn::start(fleet, Delays::default()).await?;
    let tick = ("TICK_INTERVAL_MS", "5000".to_owned());
    let (pool, database) = lab.pool("claims", &standin.url, &[tick]).await?;
    let server = database.server_pid().await?;
    for clients in [1, 8, 32] {
        // A single client would need long for as many.
        let claims = claims / if clients == 1 { 4 } else { 1 };
        let mut runs = Vec::new();
        for _ in 0..lab.runs() {
            database.fill(fleet, &standin.url).await?;
            let pgbench = pgbench::claims(&database, clients, claims / clients).await?;
            database.fill(fleet, &standin.url).await?;
            let before = (cpu_time(server)?, cpu_time(pool.pid)?);
            let load = load::claims(&pool.url, clients, claims).await?;
            runs.push(Run {
                load,
                postgres: cpu_time(server)?.saturating_sub(before.0),
                pool: cpu_time(pool.pid)?.saturating_sub(before.1),
                pgbench,
            });
        }
        add(report, clients, &runs);
    }
    Ok(())
}

fn add(report: &mut Report, clients: u32, runs: &[Run]) {
    let all = |value: fn(&Run) -> f64| runs.iter().map(value).collect::<Vec<f64>>();
    let name = |what: &str| format!("{what}, {clients} clients");
    let rate = Figure::new(name("claims"), "1/s", all(|run| run.load.per_second()));
    report.add(rate.against(median(&all(|run| run.pgbench))));
    let p50 = all(|run| run.load.latency(50));
    let p99 = Figure::new(
        name("claim p99 over p50"),
        "ms",
        all(|run| run.load.latency(99)),
    );
    report.add(p99.against(median(&p50)));
    let postgres = all(|run| run.load.each_us(run.postgres));
    report.add(Figure::new(
        name("CPU of Postgres per claim"),
        "us",
        postgres,
    ));
    let pool = all(|run| run.load.each_us(run.pool));
    report.add(Figure::new(name("CPU of pool-svc per claim"), "us", pool));
}
