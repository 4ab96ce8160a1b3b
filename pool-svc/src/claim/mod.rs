//! A claim: an idle instance becomes somebody's agent.
//!
//! It runs in a task of its own, so that it comes to its end when the client hangs up, and a shutdown
//! waits for it. As long as it only waits, for an instance or for the end of the same claim elsewhere,
//! a client that hangs up or a shutdown ends it. An instance that fails before any side effect is idle
//! again; after one it is destroyed, so that nobody's instructions leak into another claim, and the
//! claim moves on.

mod attempt;
pub(crate) mod bell;
mod error;
mod idempotency;
pub(crate) mod order;
mod place;
mod progress;
pub(crate) mod queue;
mod run;
mod step;
pub(crate) mod stream;
mod verdict;

pub(crate) use error::ClaimError;
pub(crate) use order::Order;
pub(crate) use progress::Progress;
use run::Claim;
pub(crate) use run::start;
#[cfg(test)]
pub(crate) use {step::StepError, verdict::Fate};
