//! The pools page: every pool with what it has, and one pool with its recipe, its policy, its roll-out and its versions.

mod change;
mod detail;
mod list;
mod rollout;
mod simulation;

pub(super) use self::change::{confirm_delete, delete, pause, save};
pub(super) use self::detail::show;
pub(super) use self::list::list;
pub(super) use self::rollout::act;
pub(super) use self::simulation::simulation;
