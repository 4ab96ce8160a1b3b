//! What can be asked for on a command line.

use agent_pool_core::ToolId;
use agent_pool_core::wire::AgentName;
use clap::{Args, Subcommand};

/// How the stack is to be.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How many idle instances to keep warm.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub min_idle: u32,

    /// Claim one instance under this name once the pool is warm, and print its invite URL.
    #[arg(long, value_name = "NAME", value_parser = agent_name)]
    pub claim: Option<AgentName>,

    /// Run on fakes of Railway, OpenRouter, AgentMail and Telnyx, through the real provider crates,
    /// in place of local processes and mock tools. Nothing is kept between such runs.
    #[arg(long)]
    pub cloud: bool,

    /// Equip every instance with these tools, in place of the mock tools or the fakes' ones. Each is
    /// configured by its own variables in this command's environment, such as `EXAMPLE_API_KEY`.
    #[arg(long, value_name = "TOOL,TOOL", value_delimiter = ',')]
    pub tools: Vec<ToolId>,

    /// Port of the Pool API; another free one is taken where it is in use.
    #[arg(long, value_name = "PORT", default_value_t = 3001)]
    pub port: u16,
}

/// The processes of the stack are the program that starts it under another subcommand, so that one
/// `cargo run` builds all there is. That program's command line has these, and runs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Part {
    /// The Services side, linked with the local infra and the mock tools.
    #[command(hide = true)]
    ServicesSvc,
    /// The Pool side.
    #[command(hide = true)]
    PoolSvc,
    /// What an instance runs.
    #[command(hide = true)]
    AgentRuntime,
}

impl Part {
    /// The word that the command line has for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ServicesSvc => "services-svc",
            Self::PoolSvc => "pool-svc",
            Self::AgentRuntime => "agent-runtime",
        }
    }

    /// Whether it ends when the program that started it does. An instance outlives that: its infra finds
    /// it again.
    pub(crate) const fn ends_with_parent(self) -> bool {
        match self {
            Self::ServicesSvc | Self::PoolSvc => true,
            Self::AgentRuntime => false,
        }
    }
}

fn agent_name(text: &str) -> Result<AgentName, String> {
    AgentName::try_from(text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        options: Options,
        #[command(subcommand)]
        part: Option<Part>,
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_part_is_found_by_its_word() {
        for part in [Part::ServicesSvc, Part::PoolSvc, Part::AgentRuntime] {
            let cli = Cli::try_parse_from(["mock-harness", part.word()]).unwrap();
            assert_eq!(cli.part, Some(part));
        }
    }

    #[test]
    fn tools_are_separated_by_commas_and_each_is_an_id() {
        let cli = Cli::try_parse_from(["mock-harness", "--tools", "acme,mock-mail"]).unwrap();
        let tools: Vec<_> = cli.options.tools.iter().map(ToolId::as_str).collect();
        assert_eq!(tools, ["acme", "mock-mail"]);
        assert!(Cli::try_parse_from(["mock-harness", "--tools", "acme,/"]).is_err());
    }

    #[test]
    fn a_name_that_a_claim_would_refuse_is_refused_here() {
        let too_long = "x".repeat(65);
        assert!(Cli::try_parse_from(["mock-harness", "--claim", &too_long]).is_err());
        assert!(Cli::try_parse_from(["mock-harness", "--min-idle", "0"]).is_err());
    }
}
