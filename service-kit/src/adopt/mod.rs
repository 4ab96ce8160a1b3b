//! Taking over the databases of the Node.js original, whose tables have the names of ours.
//!
//! A service reads the rows of the original, decides what each becomes, and reports it. To apply that, it moves the
//! tables of the original into the schema `original`, migrates, and inserts the rows in one transaction with the table
//! `original.adoption`, so that an adoption that was cut off is repeated and one that is complete is not. The rows of
//! the original are never changed or deleted.

mod guard;
mod original;
mod outcome;
mod record;

pub(crate) use guard::require_adopted;
pub use original::Original;
pub use outcome::{LeftAside, Outcome};
pub use record::{find_adoption, record_adoption};

/// The schema that the tables of the original are moved into.
pub const SCHEMA: &str = "original";
