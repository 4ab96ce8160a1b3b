//! Takes over the databases of the Node.js original, whose tables have the same names as ours.
//!
//! A service reads the rows of the original, decides what happens to each, and reports it. To apply that, it moves the
//! tables of the original into the schema `original`, migrates, and inserts the rows in one transaction with the table
//! `original.adoption`, so that an interrupted adoption is repeated and a complete one is not. The rows of the original
//! are never changed or deleted.

mod guard;
mod original;
mod outcome;
mod record;
mod state;

pub(crate) use guard::require_adopted;
pub use original::{Original, is_same_database};
pub use outcome::{Outcome, SkippedRow};
pub use record::{AdoptionRecord, find_adoption, record_adoption};
pub use state::{AdoptionState, inspect_adoption};

/// The schema that the tables of the original are moved into.
pub const SCHEMA: &str = "original";
