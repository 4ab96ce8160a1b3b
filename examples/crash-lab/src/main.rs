//! The command line: see the library.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};
use crash_lab::matrix::{self, Operation, Plan};
use crash_lab::operations::{fill_rate, moving_in, restore, rolling, rotation, upgrade};
use crash_lab::outage::{failover, full_disk, full_wal};
use crash_lab::{
    Lab, Service, containers, recovery, replicas, secrets, self_test, shared, sigterm, storm,
};

/// Break the running services, and check the promises.
#[derive(Debug, Parser)]
#[command(name = "crash-lab", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Kill a service at every step of every operation, and print the table.
    Matrix {
        /// Only this operation.
        #[arg(long, value_enum)]
        operation: Option<Operation>,
        /// Number of systems that run at the same time.
        #[arg(long, default_value_t = 4)]
        at_once: usize,
        /// Run a sample, as in the tests: every kill after a step that writes, and a third of the others, chosen by
        /// this seed.
        #[arg(long)]
        sample: Option<u64>,
    },
    /// Kill services-svc at every step of a creation and a destruction, with instances as containers of a private Podman.
    Containers {
        /// Number of systems that run at the same time.
        #[arg(long, default_value_t = 3)]
        at_once: usize,
        /// Only around requests to the engine that change something, as in the tests.
        #[arg(long)]
        only_changes: bool,
    },
    /// Let vendors fail and kill processes at random while clients claim, then check the promises.
    Storm {
        /// Duration in seconds.
        #[arg(long, default_value_t = 30)]
        seconds: u64,
        /// Seed of every random choice [default: a new one, which is printed].
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Run two replicas of each service; pause one and kill one during their work.
    Replicas,
    /// Kill Pool at a statement that several claims share.
    Shared,
    /// Send SIGTERM during an operation: each service finishes or abandons it, and exits in time.
    Sigterm,
    /// Measure how long users wait after `kill -9` with default intervals and leases. Takes minutes.
    Recovery,
    /// Promote a standby and switch back, under both running services: they follow without a restart.
    Failover,
    /// Fill the disk of the database, as root: claims are answered 503, and served again once there is space.
    FullDisk,
    /// The same with the disk of the write-ahead log, which stops the server until there is space.
    FullWal,
    /// Fill the pool while the vendor allows one new project in 30 s: the status reports the limit.
    FillRate,
    /// Restart three replicas of each service behind plain TCP balancers while clients claim: no claim fails.
    Rolling {
        /// How often each replica is restarted.
        #[arg(long, default_value_t = 3)]
        rounds: u32,
        /// Clients that claim at the same time.
        #[arg(long, default_value_t = 4)]
        clients: u32,
    },
    /// Rotate every key step by step: no instance changes its status.
    Rotation,
    /// Replace the last release by this build while clients claim at both: no claim fails.
    Upgrade {
        /// A program of the last release that has the services as hidden subcommands, such as its mock-harness.
        #[arg(long, value_name = "PROGRAM")]
        from: PathBuf,
    },
    /// Adopt the databases and the fleet of the Node.js original, and run both services on them.
    MovingIn,
    /// Restore a database from a backup: agents that were claimed meanwhile are left alone.
    Restore {
        /// Only this database.
        #[arg(long, value_enum)]
        database: Option<restore::Restored>,
    },
    /// Break each promise on purpose, to show that the lab reports it.
    SelfTest,
    /// Look for secrets in logs at trace level.
    Secrets,
    #[command(flatten)]
    Service(Service),
}

async fn lab() -> anyhow::Result<Arc<Lab>> {
    Ok(Arc::new(Lab::start(std::env::current_exe()?).await?))
}

#[tokio::main]
async fn main() -> ExitCode {
    match Box::pin(run(Cli::parse().command)).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("crash-lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Service(service) => {
            service.run().await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Matrix {
            operation,
            at_once,
            sample,
        } => matrix_of(operation, at_once, sample).await,
        Command::Containers {
            at_once,
            only_changes,
        } => {
            let plan = containers::Plan {
                at_once,
                only_changes,
            };
            containers_of(plan).await
        }
        Command::Storm { seconds, seed } => Box::pin(storm_of(seconds, seed)).await,
        Command::Replicas => print_report(replicas::run(&lab().await?).await?),
        Command::Shared => shared_statements().await,
        Command::Sigterm => print_report(sigterm::run(&lab().await?).await?),
        Command::Recovery => recovery_times().await,
        Command::Failover => print_report(failover::run(&std::env::current_exe()?).await?),
        Command::FullDisk => print_report(full_disk::run(&std::env::current_exe()?).await?),
        Command::FullWal => print_report(full_wal::run(&std::env::current_exe()?).await?),
        Command::FillRate => print_report(fill_rate::run(&lab().await?).await?),
        Command::Rolling { rounds, clients } => {
            let plan = rolling::Plan { rounds, clients };
            print_report(rolling::run(&lab().await?, plan).await?)
        }
        Command::Rotation => print_report(rotation::run(&lab().await?).await?),
        Command::Upgrade { from } => {
            let lab = Arc::new(Lab::start(from).await?);
            print_report(upgrade::run(&lab, std::env::current_exe()?).await?)
        }
        Command::MovingIn => print_report(moving_in::run(&lab().await?).await?),
        Command::Restore { database } => restore_all(database).await,
        Command::SelfTest => print_report(self_test::run(&lab().await?).await?),
        Command::Secrets => print_report(secrets::run(&lab().await?).await?),
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the table is the output of this command"
)]
async fn matrix_of(
    operation: Option<Operation>,
    at_once: usize,
    sample: Option<u64>,
) -> anyhow::Result<ExitCode> {
    let lab = lab().await?;
    let operations = operation.map_or(Operation::ALL.to_vec(), |one| vec![one]);
    let mut held = true;
    for operation in operations {
        let plan = Plan {
            operation,
            at_once,
            sample,
        };
        let table = matrix::run(&lab, plan).await?;
        held &= table.broken().is_empty();
        println!("{table}");
    }
    Ok(if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[expect(
    clippy::print_stdout,
    reason = "the table is the output of this command"
)]
async fn containers_of(plan: containers::Plan) -> anyhow::Result<ExitCode> {
    let report = containers::run(&lab().await?, plan).await?;
    println!("{report}");
    Ok(match report.broken() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

#[expect(
    clippy::print_stdout,
    reason = "the seed and the figures are the output of this command"
)]
async fn storm_of(seconds: u64, seed: Option<u64>) -> anyhow::Result<ExitCode> {
    let seed = seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    println!("seed {seed}, {seconds} s: repeat it with --seed {seed}");
    let lab = lab().await?;
    let duration = Duration::from_secs(seconds);
    let report = Box::pin(storm::run(&lab, storm::Plan { seed, duration })).await?;
    println!("{report}");
    Ok(ExitCode::SUCCESS)
}

async fn restore_all(only: Option<restore::Restored>) -> anyhow::Result<ExitCode> {
    let lab = lab().await?;
    let cases = only.map_or(restore::Restored::ALL.to_vec(), |one| vec![one]);
    let mut reports = Vec::new();
    for case in cases {
        reports.push(restore::run(&lab, case).await?);
    }
    print_report(reports)
}

#[expect(
    clippy::print_stdout,
    reason = "the figures are the output of this command"
)]
async fn recovery_times() -> anyhow::Result<ExitCode> {
    println!("{}", recovery::run(&lab().await?, &recovery::ALL).await?);
    Ok(ExitCode::SUCCESS)
}

#[expect(
    clippy::print_stdout,
    reason = "the figures are the output of this command"
)]
async fn shared_statements() -> anyhow::Result<ExitCode> {
    println!("{}", shared::run(&lab().await?).await?);
    Ok(ExitCode::SUCCESS)
}

#[expect(
    clippy::print_stdout,
    reason = "the figures are the output of this command"
)]
fn print_report(report: impl std::fmt::Debug) -> anyhow::Result<ExitCode> {
    println!("held: {report:?}");
    Ok(ExitCode::SUCCESS)
}
