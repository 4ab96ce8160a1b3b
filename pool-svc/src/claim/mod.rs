//! A claim: an idle instance becomes somebody's agent.
//!
//! A claim runs in a task of its own, so that it finishes even if the client hangs up, and shutdown waits
//! for it. While it only waits, for an instance or for the same claim elsewhere, a client that hangs up or
//! a shutdown ends it. An instance that fails before any side effect goes back to idle; after one it is
//! destroyed, so that nobody's instructions leak into another claim, and the claim moves on.
//!
//! In the order in which a claim passes them: [`start`] runs it, [`idempotency`] if it has a key, [`make`]
//! tries one instance after another, [`place`] takes each, waiting in the [`queue`] if it may, and
//! [`attempt`] makes the instance an agent; [`verdict`] says what follows from a failure.

mod acceptance;
mod attempt;
mod batch;
mod context;
mod error;
mod idempotency;
pub(crate) mod input;
mod key_lease;
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
