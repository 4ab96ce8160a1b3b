//! Processes: which one is ours, whether it lives, and how all of an instance ends.

mod proc;
mod ps;
mod stop;
mod table;

pub(crate) use stop::stop;
pub(crate) use table::{Process, Table};
