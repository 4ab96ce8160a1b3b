//! `POST /create-instance`: infra and tools concurrently, then all variables, then one deployment.
//!
//! A repeated call continues from the rows: an interrupted creation is completed, and a complete instance is answered
//! again. What a failed creation made is undone before the error is answered. In order: [`run`] takes the lease and
//! decides, [`plan`] resolves providers, [`confirm`] checks the environment, [`steps`] make the instance.

mod confirm;
mod error;
mod plan;
mod run;
mod steps;

pub(crate) use error::{CreateError, CreateStep, StepFailure};
pub(crate) use run::create;
