//! `poolctl completions SHELL`.

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::print;

/// Prints the script.
pub(crate) fn run(shell: Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut shown(&Cli::command()), "poolctl", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// The command line without hidden commands, which a script would offer too.
fn shown(whole: &Command) -> Command {
    let commands = whole.get_subcommands().filter(|it| !it.is_hide_set());
    Command::new("poolctl")
        .args(whole.get_arguments().cloned())
        .subcommands(commands.cloned())
}
