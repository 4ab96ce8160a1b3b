//! `poolctl up`: runs the stack. Its parts are subcommands of this program.

use std::path::PathBuf;

use agent_pool_stack::{Options, Part, Running};

use crate::exit::Exit;
use crate::failure::Failure;

/// Runs the stack until Ctrl-C.
pub(crate) fn run(options: &Options, data_dir: Option<PathBuf>) -> Result<Exit, Failure> {
    let named = data_dir.is_some();
    agent_pool_stack::up(options, data_dir, |running| guide(running, named))
        .map(|()| Exit::Done)
        .map_err(|error| Failure::new(Exit::Failed, "stack_failed", format!("{error:#}")))
}

/// Runs a process of the stack.
pub(crate) fn run_part(part: Part) -> Result<Exit, Failure> {
    agent_pool_stack::run_part(part)
        .map(|()| Exit::Done)
        .map_err(|error| {
            Failure::new(
                Exit::Failed,
                "part_failed",
                format!("{}: {error:#}", part.name()),
            )
        })
}

/// How to use the stack from another terminal. Prints the location of the key, not the key itself.
fn guide(running: &Running, named: bool) -> String {
    let Running {
        pool,
        services,
        folder,
        ..
    } = running;
    let [pool, services] = [pool, services].map(|url| url.as_str().trim_end_matches('/'));
    let folder = folder.display();
    let more = if named {
        format!(" --data-dir {folder}")
    } else {
        String::new()
    };
    format!(
        "
The pool is warm.

  Dashboard     {pool}/
  Pool API      {pool}
  Services API  {services}
  key           in {folder}/api-key
  data, logs    {folder}

In another terminal:

  poolctl claim trip-planner{more}
  poolctl watch{more}
  poolctl doctor{more}

Ctrl-C stops everything.
"
    )
}
