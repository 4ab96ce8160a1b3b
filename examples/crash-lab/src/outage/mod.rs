//! Databases that stop taking writes while both services run: a failover, and full disks.
//!
//! The services continue without a restart, and find the database only by their own settings.

pub mod disk;
pub mod failover;
pub mod full_disk;
pub mod full_wal;
mod node;
mod pair;
mod site;
