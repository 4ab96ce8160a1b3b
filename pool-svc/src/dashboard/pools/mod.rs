//! The pools page: a table of all pools, and a page for each pool with its recipe, policy, roll-out and versions.

mod change;
mod declare;
mod detail;
mod list;
mod rollout;
mod simulation;

pub(super) use self::change::{confirm_delete, delete, pause, save};
pub(super) use self::declare::declare;
pub(super) use self::detail::show;
pub(super) use self::list::list;
pub(super) use self::rollout::act;
pub(super) use self::simulation::simulation;
