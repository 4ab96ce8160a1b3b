//! The command line: see the library.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};
use crash_lab::matrix::{self, Operation, Plan};
use crash_lab::{Lab, Service, replicas, secrets, self_test, sigterm, storm};

/// Breaks the running services, and asserts the promises.
#[derive(Debug, Parser)]
#[command(name = "crash-lab", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Kills a service at every step of every operation, and prints the table.
    Matrix {
        /// Of this operation alone.
        #[arg(long, value_enum)]
        operation: Option<Operation>,
        /// How many systems run at once.
        #[arg(long, default_value_t = 4)]
        at_once: usize,
        /// Not every kill: all after steps that write, and of the others a third that this seed chooses,
        /// as the tests do.
        #[arg(long)]
        sample: Option<u64>,
    },
    /// Vendors fail and processes are killed at random while people claim; then the promises hold.
    Storm {
        /// How long it runs.
        #[arg(long, default_value_t = 30)]
        seconds: u64,
        /// Of all chance [default: a new one, which is printed].
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Two replicas of each service, of which one sleeps and one is killed in the middle of its work.
    Replicas,
    /// SIGTERM in the middle of the work: each service finishes it or leaves it, and ends in time.
    Sigterm,
    /// Breaks each promise by hand, to show that it would be reported.
    Sabotage,
    /// Looks for secrets in logs that hold all there is to log.
    Secrets,
    #[command(flatten)]
    Service(Service),
}

async fn lab() -> anyhow::Result<Arc<Lab>> {
    Ok(Arc::new(Lab::start(std::env::current_exe()?).await?))
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse().command).await {
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
        Command::Storm { seconds, seed } => storm_of(seconds, seed).await,
        Command::Replicas => tell(replicas::run(&lab().await?).await?),
        Command::Sigterm => tell(sigterm::run(&lab().await?).await?),
        Command::Sabotage => tell(self_test::run(&lab().await?).await?),
        Command::Secrets => tell(secrets::run(&lab().await?).await?),
    }
}

#[expect(clippy::print_stdout, reason = "the table is what it is run for")]
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
    reason = "the seed and the figures are what it is run for"
)]
async fn storm_of(seconds: u64, seed: Option<u64>) -> anyhow::Result<ExitCode> {
    let seed = seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    println!("seed {seed}, {seconds} s: repeat it with --seed {seed}");
    let lab = lab().await?;
    let duration = Duration::from_secs(seconds);
    let report = storm::run(&lab, storm::Plan { seed, duration }).await?;
    println!("{report}");
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the figures are what it is run for")]
fn tell(report: impl std::fmt::Debug) -> anyhow::Result<ExitCode> {
    println!("held: {report:?}");
    Ok(ExitCode::SUCCESS)
}
