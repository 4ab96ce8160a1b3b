//! The crash matrix: every step of every operation, and what became of the promises when the service
//! that took the step was killed before or after it.

mod operation;
mod run;
mod setup;
mod table;

pub use operation::Operation;
pub use run::{Plan, run};
pub use table::{Outcome, Row, Table};
