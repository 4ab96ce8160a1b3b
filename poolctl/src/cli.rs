//! The command line.

use std::sync::LazyLock;

use agent_pool_core::version_with_commit;
use agent_pool_stack::Part;
use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::commands::{
    claim::Claim,
    costs::{Costs, Limit},
    doctor::Doctor,
    events::Events,
    explain::Explain,
    fleet::{Drain, Replenish},
    key::Key,
    kill::Condemn,
    list::List,
    logs::Logs,
    mcp::Mcp,
    pools::Pools,
    protect::Protect,
    providers::Providers,
    rollout::Rollout,
    show::Show,
    simulate::Simulate,
    sweep::Sweep,
    tools::Tools,
    upgrades::Upgrades,
    watch::Watch,
    webhooks::Webhooks,
};
use crate::connect::Connection;
use crate::out::Form;

static VERSION: LazyLock<String> = LazyLock::new(|| version_with_commit(env!("CARGO_PKG_VERSION")));

/// Claim agents and operate the pool.
///
/// Output is a table on a terminal and JSON elsewhere. Settings are read from the environment and from a .env file.
#[derive(Debug, Parser)]
#[command(
    name = "poolctl",
    version = VERSION.as_str(),
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
Exit codes: 0 success, 1 failure, 2 usage, 3 no idle instance, 4 not found, 5 key rejected, 6 unreachable,
            7 conflict, 130 interrupted";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the whole stack on this machine until Ctrl-C, without any account
    Up(agent_pool_stack::Options),
    #[command(flatten)]
    Ask(Ask),
    /// Print a completion script for a shell
    Completions {
        /// Shell
        shell: Shell,
    },
    /// Print a new random key for the settings
    Key(Key),
    #[command(flatten)]
    Part(Part),
}

/// Commands that call the services.
#[derive(Debug, Subcommand)]
pub(crate) enum Ask {
    /// Claim an idle instance as an agent, and print its invite link
    Claim(Claim),
    /// List the agent templates
    Templates,
    /// List instances
    #[command(visible_alias = "ls")]
    List(List),
    /// Show one instance: its resources and its history
    Show(Show),
    /// Show the last log lines of an instance
    Logs(Logs),
    /// List changes of instances, newest first, and who made them
    Events(Events),
    /// Explain in sentences what happened to an instance, or the state of a pool
    Explain(Explain),
    /// Destroy instances in any status
    Kill(Condemn),
    /// Destroy crashed instances after inspection
    Dismiss(Condemn),
    /// Protect instances, so that they are not claimed, drained, replaced or killed
    Protect(Protect),
    /// Remove the protection of instances
    Unprotect(Protect),
    /// Destroy idle instances
    Drain(Drain),
    /// Create missing instances, or a number of additional ones
    Replenish(Replenish),
    /// Watch the fleet live
    Watch(Watch),
    /// Show and change pools
    Pools(Pools),
    /// Show what pools cost, by pool, day, resource and agent
    Costs(Costs),
    /// Change the spending limit of an agent's tool
    Limit(Limit),
    /// Show, retry or stop the roll-outs of a changed recipe
    Rollout(Rollout),
    /// Show what instances run, and upgrade claimed ones
    Upgrades(Upgrades),
    /// List providers and their health
    Providers(Providers),
    /// Compare the vendors' resources with the database: orphans and missing resources
    Sweep(Sweep),
    /// Add tools to instances and release them
    Tools(Tools),
    /// Replay the log of a pool under another policy
    Simulate(Simulate),
    /// List, add, test and remove webhooks, and resend their messages
    Webhooks(Webhooks),
    /// Check settings, databases, services and vendors, and suggest fixes
    Doctor(Doctor),
    Mcp(Mcp),
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
    fn keys_are_not_in_help_or_debug() {
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
