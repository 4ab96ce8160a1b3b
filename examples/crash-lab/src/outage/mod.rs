//! Databases that stop taking writes while both services run: a failover, and full disks.
//!
//! The services go on without a restart, and nothing but their own settings leads them to the database.

pub mod disk;
pub mod failover;
pub mod full_disk;
pub mod full_wal;
mod node;
mod pair;
mod site;
