//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Makes the crate of a new provider: it compiles, keeps every promise of the conformance suite against a
/// fake of its own, and is linked into this distribution. What is yours to fill in is listed at the end.
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
    /// Where instances run. Says what to copy.
    Infra {
        /// The provider's id.
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ToolArgs {
    /// The tool's id, as requests name it, such as `acme`: a-z, 0-9 and -.
    pub(crate) name: String,

    /// Make a crate of its own in this new or empty folder, outside the workspace, in place of
    /// `providers/NAME`.
    #[arg(long, value_name = "DIR")]
    pub(crate) standalone: Option<PathBuf>,

    /// The git repository that a standalone crate takes core from [default: this checkout, by its path].
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
