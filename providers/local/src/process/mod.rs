//! Processes: which ones belong to an instance, whether they are alive, and how they are ended.

mod proc;
mod ps;
mod row;
mod stop;
mod table;

pub(crate) use row::Process;
pub(crate) use stop::stop;
pub(crate) use table::Table;
