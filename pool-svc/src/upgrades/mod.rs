//! Upgrades: claimed instances are upgraded to the recipe of their pool on request.
//!
//! An instance keeps its volume, address, key and conversation: Services deploys it again. The requests are rows, so
//! that any replica continues what another one left. After a failure, no further instance of the same request is
//! started.

mod keep;
mod request;
mod view;

pub(crate) use keep::Upgrader;
pub(crate) use request::{UpgradeError, request};
pub(crate) use view::load;
