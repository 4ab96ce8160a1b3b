//! `POST /create-instance`: infra and tools side by side, then all variables, then one deployment.
//!
//! A repeated call goes on from the rows: what a crash cut off is completed, and a complete instance is
//! answered again. What a failed creation made is undone before the error is answered.

mod error;
mod plan;
mod run;
mod steps;

pub(crate) use error::{CreateError, CreateStep, StepFailure};
pub(crate) use run::create;
