//! The binary: see the library.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use mock_harness::{Options, Part};

/// Brings up the whole agent pool on this machine: Postgres, services-svc, pool-svc, local
/// processes as instances, mock tools. Needs no account and no configuration. Ctrl-C takes
/// everything down; what was claimed is there again at the next start.
#[derive(Debug, Parser)]
#[command(name = "mock-harness", version)]
struct Cli {
    #[command(flatten)]
    options: Options,

    /// Where databases, logs and instances are kept between runs [default: a folder of this user].
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    #[command(subcommand)]
    part: Option<Part>,
}

fn main() -> ExitCode {
    let Cli {
        options,
        data_dir,
        part,
    } = Cli::parse();
    let name = part.map_or("mock-harness", Part::word);
    let outcome = match part {
        Some(part) => mock_harness::run_part(part),
        None => mock_harness::run(&options, data_dir, mock_harness::curl_guide),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
