//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Generates the crate of a new provider. It compiles, passes the conformance suite against its own fake, and is
/// linked into this distribution. The places to change are listed at the end.
#[derive(Debug, Parser)]
#[command(name = "new-provider", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) kind: Kind,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Kind {
    /// A tool: something that an instance gets from a vendor, such as a key or a mailbox.
    Tool(ToolArgs),
    /// An infra: where instances run, such as a container engine or a cloud.
    Infra {
        /// Id of the infra, as `INFRA_PROVIDER` names it, such as `acme`: a-z, 0-9 and -.
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ToolArgs {
    /// Id of the tool in requests, such as `acme`: a-z, 0-9 and -.
    pub(crate) name: String,

    /// Generate the crate in this new or empty folder outside the workspace instead of `providers/NAME`.
    #[arg(long, value_name = "DIR")]
    pub(crate) standalone: Option<PathBuf>,

    /// Git repository from which a standalone crate takes core [default: the path of this checkout].
    #[arg(long, value_name = "URL", requires = "standalone")]
    pub(crate) git: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
