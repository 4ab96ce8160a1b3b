//! The parts that the loops that create and destroy instances need.

use super::destruction::Destructions;
use super::warm_up::Creations;
use crate::app::App;
use crate::background::Background;

/// Recovers and rolls out. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Operations {
    pub(crate) app: App,
    pub(crate) background: Background,
    pub(crate) creations: Creations,
    pub(crate) destructions: Destructions,
}
