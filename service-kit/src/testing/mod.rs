//! For tests: migrated databases, polling for a state, and checks of generated documents.

mod database;
mod eventually;
mod openapi;
pub mod original;

pub use database::{TestDatabase, fresh_database};
pub use eventually::eventually;
pub use openapi::{assert_described, assert_generated};
