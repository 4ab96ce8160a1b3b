//! `poolctl completions SHELL`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::print;

/// Prints the script.
pub(crate) fn run(shell: Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "poolctl", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
