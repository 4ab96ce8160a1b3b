//! A claim turns an idle instance into a person's agent.
//!
//! A claim runs in its own task, so that it finishes even if the client hangs up; a shutdown waits for it. While
//! it is only waiting (for an instance, or for the same claim elsewhere), a disconnect or a shutdown ends it. An
//! instance on which the claim fails before any side effect becomes idle again. After a side effect it is destroyed, so
//! that no instructions leak into another claim, and the claim tries the next instance.
//!
//! The files in the order in which a claim passes them: [`start`] spawns it; [`idempotency`] finds an earlier answer to
//! its key; [`make`] tries one instance after another; [`place`] takes an instance, waiting in the [`queue`] if the
//! claim may; [`attempt`] turns the instance into an agent, with [`step`] and [`tools`]; [`verdict`] decides what
//! follows from a failure. [`serve`] and [`listener`] run in the background and wake the claims that wait;
//! [`acceptance`] ends a claim that waited for a person.

mod acceptance;
mod attempt;
mod batch;
mod context;
mod error;
mod idempotency;
pub(crate) mod input;
mod listener;
mod make;
mod one_link;
mod place;
mod progress;
mod queue;
pub(crate) mod serve;
mod start;
mod step;
pub(crate) mod stream;
mod tools;
mod verdict;

pub(crate) use context::Claims;
pub(crate) use error::ClaimError;
pub(crate) use input::ClaimInput;
pub(crate) use progress::Progress;
#[cfg(test)]
pub(crate) use {step::StepError, verdict::Fate};
