//! Upgrades: claimed instances are brought to the recipe of their pool, because somebody asked.
//!
//! An instance keeps its volume, address, key and conversation: Services deploys it again. The requests are rows, so that
//! any replica goes on with what another one left. After a failure, no further instance of the same request begins.

mod keep;
mod request;
mod view;

pub(crate) use keep::Upgrader;
pub(crate) use request::{UpgradeError, request};
pub(crate) use view::load;
