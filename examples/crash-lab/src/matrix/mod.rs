//! The crash matrix: every step of every operation, and whether the promises held when the service that took the step
//! was killed before or after it.

mod operation;
mod recipe;
mod run;
mod setup;
mod table;
mod wait;

pub use operation::Operation;
pub use run::{Plan, run};
pub use table::{Outcome, Row, Table};
