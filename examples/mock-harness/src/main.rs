#![doc = include_str!("../README.md")]

use std::path::PathBuf;
use std::process::ExitCode;

use agent_pool_stack::{Options, Part, Running, run_part, up};
use clap::Parser;

/// Run the whole agent pool on this machine.
///
/// Starts Postgres, services-svc, pool-svc, and instances with mock tools, as local processes or, with `--containers`, as
/// containers. Needs no account and no configuration. Ctrl-C stops everything; the next start continues with the same agents.
#[derive(Debug, Parser)]
#[command(name = "mock-harness", version)]
struct Cli {
    #[command(flatten)]
    options: Options,

    /// Folder for databases, logs and instances, kept between runs [default: a folder of this user].
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
    let name = part.map_or("mock-harness", Part::name);
    let outcome = match part {
        Some(part) => run_part(part),
        None => up(&options, data_dir, guide),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// How to use the stack with curl alone.
fn guide(running: &Running) -> String {
    let Running {
        pool,
        services,
        key,
        folder,
    } = running;
    let [pool, services] = [pool, services].map(|url| url.as_str().trim_end_matches('/'));
    let (key, folder) = (key.expose(), folder.display());
    format!(
        "
The pool is warm.

  Pool API      {pool}
  Services API  {services}
  key           {key}
  data, logs    {folder}

Claim an agent:

  curl -X POST {pool}/api/pool/claim \\
    -H 'Authorization: Bearer {key}' \\
    -H 'Content-Type: application/json' \\
    -d '{{\"agentName\": \"Tulip\", \"instructions\": \"You help a small club plan its outings.\"}}'

Open the inviteUrl of the answer. Ctrl-C stops everything.
"
    )
}
