//! Injected faults: the effect, the operation, when and how often.

mod mangle;
mod plan;
mod rule;

pub(crate) use plan::Faults;
pub use rule::{Body, Effect, FaultRule, FieldFault, Phase, RetryAfter, Times};
