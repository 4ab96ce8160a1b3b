//! For tests: databases that are migrated already, waiting without sleeping, and
//! documents that are generated.

mod database;
mod eventually;
mod openapi;
pub mod original;

pub use database::{TestDatabase, fresh_database};
pub use eventually::eventually;
pub use openapi::{assert_described, assert_generated};
