//! `POST /create-instance`: infra and tools side by side, then all variables, then one deployment.
//!
//! Called again it goes on from the rows: what a crash cut off is completed, what is done is answered
//! again. What a failed creation made is undone before the error is answered.

mod build;
mod error;
mod plan;
mod run;

pub(crate) use error::{CreateError, CreateStep, Failure};
pub(crate) use run::create;
