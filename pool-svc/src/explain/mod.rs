//! Explanations: the story of an instance or of a pool, in sentences, from what was recorded when it was decided.
//!
//! The sentences are pure functions of the log and of the state; the handler loads both.

mod instance;
mod pool;

pub(crate) use instance::explain_instance;
pub(crate) use pool::{PoolFacts, explain_pool};

use agent_pool_core::wire::pool::ExplainedStep;

/// A sentence about now.
fn now(text: impl Into<String>) -> ExplainedStep {
    ExplainedStep {
        at: None,
        text: text.into(),
    }
}

/// `1 claim`, `2 claims`.
fn count_of(count: u32, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    }
}
