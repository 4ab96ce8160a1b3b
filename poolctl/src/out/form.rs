use clap::Args;

/// The output format.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Form {
    /// Print JSON; the default if standard output is not a terminal
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Print tables even if standard output is not a terminal
    #[arg(long, global = true, conflicts_with = "json")]
    pub(crate) human: bool,
}
