//! The command line.

use agent_pool_stack::Part;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::commands::{
    claim::Claim,
    doctor::Doctor,
    fleet::{Drain, Replenish},
    key::Key,
    kill::Condemn,
    list::List,
    logs::Logs,
    providers::Providers,
    show::Show,
    sweep::Sweep,
    watch::Watch,
};
use crate::connect::Connection;

/// Claims agents, and looks after the pool they come from.
///
/// Tables are for terminals: elsewhere the answers are JSON. Settings are read from the environment, and from
/// a file .env.
#[derive(Debug, Parser)]
#[command(
    name = "poolctl",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) connection: Connection,

    #[command(flatten)]
    pub(crate) form: Form,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 failed, 2 usage, 3 nothing idle, 4 not found, 5 key refused, 6 unreachable,
            7 not in the state for it, 130 interrupted";

/// In which form answers are given.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Form {
    /// Answer in JSON, as it is done where the output is no terminal
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Answer in tables and words also where the output is no terminal
    #[arg(long, global = true, conflicts_with = "json")]
    pub(crate) human: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring up the whole stack on this machine, until Ctrl-C: no account, nothing to configure
    Up(agent_pool_stack::Options),
    #[command(flatten)]
    Ask(Ask),
    /// A script that completes the commands, for a shell to source
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print a new random key for the settings
    Key(Key),
    #[command(flatten)]
    Part(Part),
}

/// What asks the services.
#[derive(Debug, Subcommand)]
pub(crate) enum Ask {
    /// Make an idle instance somebody's agent, and get the invite link
    Claim(Claim),
    /// The ready-made agents that can be claimed
    Templates,
    /// The instances
    #[command(visible_alias = "ls")]
    List(List),
    /// One instance: what it has, and what happened to it
    Show(Show),
    /// The last lines that an instance wrote
    Logs(Logs),
    /// Destroy instances, whatever they are doing
    Kill(Condemn),
    /// Destroy crashed instances, once they were looked at
    Dismiss(Condemn),
    /// Remove idle instances
    Drain(Drain),
    /// Make instances: as many as are missing, or so many more
    Replenish(Replenish),
    /// The fleet, live
    Watch(Watch),
    /// What instances are made of: configured, failing, slow
    Providers(Providers),
    /// Compare what vendors have with what is known: orphans, and what is missing
    Sweep(Sweep),
    /// Check settings, databases, services and vendors, and say what to fix
    Doctor(Doctor),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_parts_of_the_stack_are_there_and_not_shown() {
        for part in Part::ALL {
            let cli = Cli::try_parse_from(["poolctl", part.name()]).unwrap();
            assert!(matches!(cli.command, Command::Part(it) if it == part));
            let help = Cli::command().render_help().to_string();
            assert!(!help.contains(part.name()), "{help}");
        }
    }

    #[test]
    fn no_help_and_no_debug_shows_a_key() {
        let cli = Cli::try_parse_from(["poolctl", "list", "--key", "hunter2"]).unwrap();
        assert!(!format!("{cli:?}").contains("hunter2"));
    }

    #[test]
    fn the_readme_has_every_command() {
        let readme = include_str!("../README.md");
        for command in Cli::command()
            .get_subcommands()
            .filter(|it| !it.is_hide_set())
        {
            let name = format!("`poolctl {}", command.get_name());
            assert!(readme.contains(&name), "README.md lacks {name}");
        }
    }
}
