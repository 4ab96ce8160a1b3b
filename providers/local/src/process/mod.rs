//! Processes: which one is ours, whether it lives, and how all of an instance ends.

mod proc;
mod ps;
mod row;
mod stop;
mod table;

pub(crate) use row::Process;
pub(crate) use stop::stop;
pub(crate) use table::Table;
