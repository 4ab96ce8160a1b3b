#![doc = include_str!("../README.md")]

mod database;
mod load;
mod machine;
mod measure;
mod pgbench;
mod plot;
mod report;
mod service;
mod size;
mod standin;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use agent_pool_core::settings::Environment;
use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::database::Server;
use crate::measure::{Lab, Measurement};
use crate::report::Report;
use crate::size::Size;

/// Measures agent-pool against the minimum cost of each operation.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    service: Option<Service>,
    /// Numbers of instances, clients and runs.
    #[arg(long, value_enum, default_value_t = Size::Full)]
    size: Size,
    /// Number of runs for each figure; 5 unless the size is tiny.
    #[arg(long)]
    runs: Option<NonZeroUsize>,
    /// Measure only these, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Measurement>,
    /// Write the figures to this file, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Write the plot of `growth` to this file.
    #[arg(long)]
    svg: Option<PathBuf>,
}

/// The services, which this binary starts as separate processes by running itself.
#[derive(Debug, Clone, Copy, Subcommand)]
enum Service {
    #[command(hide = true)]
    PoolSvc,
    #[command(hide = true)]
    ServicesSvc,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.service {
        Some(Service::PoolSvc) => return pool_svc::run(Environment::of_process()).await,
        Some(Service::ServicesSvc) => return services_svc::serve(Environment::of_process()).await,
        None => {}
    }
    let lab = Lab::new(Server::start().await?, cli.size, cli.runs)?;
    let chosen = if cli.only.is_empty() {
        Measurement::ALL.to_vec()
    } else {
        cli.only
    };
    let mut report = Report::default();
    for measurement in chosen {
        eprintln!("measuring {measurement:?} …");
        let measured = measurement.run(&lab, &mut report).await;
        measured.with_context(|| format!("{measurement:?}"))?;
    }
    report.print();
    if let Some(path) = cli.json {
        let json = serde_json::to_string_pretty(&report)?;
        std::fs::write(&path, json).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = cli.svg {
        let plot = plot::svg(&report.growth);
        std::fs::write(&path, plot).with_context(|| format!("cannot write {}", path.display()))?;
    }
    lab.stop().await;
    Ok(())
}
