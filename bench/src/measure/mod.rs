//! The measurements. Each starts its own processes on its own database.

mod claims;
mod fairness;
mod footprint;
mod growth;
mod lab;
mod overhead;
mod recovery;
mod ticks;
mod warm_up;

use clap::ValueEnum;

pub(crate) use self::lab::Lab;
use crate::report::Report;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Measurement {
    Claims,
    Fairness,
    Overhead,
    Ticks,
    WarmUp,
    Footprint,
    Recovery,
    Growth,
}

impl Measurement {
    pub(crate) const ALL: [Self; 8] = [
        Self::Claims,
        Self::Fairness,
        Self::Overhead,
        Self::Ticks,
        Self::WarmUp,
        Self::Footprint,
        Self::Recovery,
        Self::Growth,
    ];

    pub(crate) async fn run(self, lab: &Lab, report: &mut Report) -> anyhow::Result<()> {
        match self {
            Self::Claims => claims::run(lab, report).await,
            Self::Fairness => fairness::run(lab, report).await,
            Self::Overhead => overhead::run(lab, report).await,
            Self::Ticks => ticks::run(lab, report).await,
            Self::WarmUp => warm_up::run(lab, report).await,
            Self::Footprint => footprint::run(lab, report).await,
            Self::Recovery => recovery::run(lab, report).await,
            Self::Growth => growth::run(lab, report).await,
        }
    }
}
