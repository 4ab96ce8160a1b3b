//! For tests: databases that are migrated already, and waiting without sleeping.

mod database;
mod eventually;

pub use database::{TestDatabase, fresh_database};
pub use eventually::eventually;
