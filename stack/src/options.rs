//! Command-line options of the stack.

use agent_pool_core::wire::AgentName;
use agent_pool_core::{InfraId, ToolId};
use clap::Args;

/// The options of the stack.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Number of idle instances to keep.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub min_idle: u32,

    /// Claim one instance under this name once the pool is warm, and print its invite URL.
    #[arg(long, value_name = "NAME", value_parser = agent_name)]
    pub claim: Option<AgentName>,

    /// Use the real providers on fakes of Railway, OpenRouter, AgentMail and Telnyx, instead of local processes
    /// and mock tools. Needs a build with `--features cloud`. Nothing is kept between such runs.
    #[arg(long)]
    pub cloud: bool,

    /// Run instances as containers: on the engine of `DOCKER_HOST`, or of Docker's or Podman's socket, or on a private
    /// Podman. Needs a build with `--features containers`. Nothing is kept between such runs.
    #[arg(long, conflicts_with = "cloud")]
    pub containers: bool,

    /// Run instances on this infra, which reads its settings, such as `EXAMPLE_API_KEY`, from this command's
    /// environment. They are destroyed at the end, and nothing is kept between such runs.
    #[arg(long, value_name = "INFRA", conflicts_with_all = ["cloud", "containers"])]
    pub infra: Option<InfraId>,

    /// With `--cloud`: make the fake Railway as slow and strict as the real one, at this percentage of its times. At
    /// 100 a new service is "not found" for a minute, a new project comes every 30 s, and its edge blocks for a day.
    /// Each instance gets a project of its own.
    #[arg(long, value_name = "PERCENT", requires = "cloud", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub like_live: Option<u8>,

    /// Give every instance these tools instead of the default ones. Each tool reads its settings, such as
    /// `EXAMPLE_API_KEY`, from this command's environment.
    #[arg(long, value_name = "TOOL,TOOL", value_delimiter = ',')]
    pub tools: Vec<ToolId>,

    /// Port of the Pool API. A free port is chosen if this one is in use.
    #[arg(long, value_name = "PORT", default_value_t = 3001)]
    pub port: u16,
}

impl Options {
    /// Whether the next run continues with the data and instances of this one.
    pub(crate) const fn is_kept(&self) -> bool {
        !self.cloud && !self.containers && self.infra.is_none()
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
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn tools_are_separated_by_commas_and_each_is_an_id() {
        let cli = Cli::try_parse_from(["program", "--tools", "acme,mock-mail"]).unwrap();
        let tools: Vec<_> = cli.options.tools.iter().map(ToolId::as_str).collect();
        assert_eq!(tools, ["acme", "mock-mail"]);
        assert!(Cli::try_parse_from(["program", "--tools", "acme,/"]).is_err());
    }

    #[test]
    fn instances_run_in_one_place() {
        for both in [
            ["--cloud", "--containers"],
            ["--containers", "--infra=acme"],
        ] {
            assert!(Cli::try_parse_from(["program"].iter().chain(&both)).is_err());
        }
        let parse = |arguments: &[&str]| Cli::try_parse_from(arguments).unwrap().options;
        assert!(parse(&["program"]).is_kept());
        assert!(!parse(&["program", "--infra", "acme"]).is_kept());
    }

    #[test]
    fn a_name_that_a_claim_would_refuse_is_refused_here() {
        let too_long = "x".repeat(65);
        assert!(Cli::try_parse_from(["program", "--claim", &too_long]).is_err());
        assert!(Cli::try_parse_from(["program", "--min-idle", "0"]).is_err());
    }
}
