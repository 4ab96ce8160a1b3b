use clap::ValueEnum;

/// How much to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Size {
    /// Once, with small numbers: shows that the bench works.
    Tiny,
    /// The figures to quote.
    Full,
}
