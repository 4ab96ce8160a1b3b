//! `poolctl up`: the stack of mock-harness, and its parts, which are this program again.

use std::path::PathBuf;

use mock_harness::{Options, Part, Running};

use crate::exit::Exit;
use crate::failure::Failure;

/// Until Ctrl-C.
pub(crate) fn run(options: &Options, data_dir: Option<PathBuf>) -> Result<Exit, Failure> {
    let named = data_dir.is_some();
    mock_harness::run(options, data_dir, |running| guide(running, named))
        .map(|()| Exit::Done)
        .map_err(|error| Failure::new(Exit::Failed, "stack_failed", format!("{error:#}")))
}

/// A process of the stack.
pub(crate) fn run_part(part: Part) -> Result<Exit, Failure> {
    mock_harness::run_part(part)
        .map(|()| Exit::Done)
        .map_err(|error| {
            Failure::new(
                Exit::Failed,
                "part_failed",
                format!("{}: {error:#}", part.word()),
            )
        })
}

/// How to use it from another terminal. The key is where it can be read, and not here.
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

Ctrl-C takes everything down.
"
    )
}
