//! Explanations: the history of an instance or the state of a pool, in sentences, from what was recorded at each
//! decision.
//!
//! The sentences are pure functions of the log and of the state; the handler loads both.

mod instance;
mod pool;

pub(crate) use instance::explain_instance;
pub(crate) use pool::{PoolFacts, count_all, explain_pool};

use agent_pool_core::wire::pool::ExplainedStep;

/// A sentence about the present.
fn now(text: impl Into<String>) -> ExplainedStep {
    ExplainedStep {
        at: None,
        text: text.into(),
    }
}
