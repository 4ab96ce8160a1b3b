//! Databases that stop taking writes while both services run: a failover, and a full disk.
//!
//! The services go on without a restart, and nothing but their own settings leads them to the database.

pub mod failover;
pub mod full_disk;
mod pair;
mod site;
