//! Refuses answers that break the contract. Place in the order: innermost.
//!
//! Such an answer cannot be kept: the row, the instance or another tool would suffer from it. What was
//! made with it is destroyed again at once, by the id that the provider itself answered; whoever called
//! undoes by the mark what this could not.

mod infra;
mod tool;

pub use infra::checked_infra;
pub use tool::checked_tool;

use std::fmt;

use crate::{Effect, ProviderError};

/// Longest text that an answer may have where nothing else bounds it, in bytes.
const TEXT_LIMIT: usize = 1_024;

/// What is wrong with a text of an answer, if anything is.
fn unfit(text: &str) -> Option<&'static str> {
    if text.len() > TEXT_LIMIT {
        Some("is longer than 1024 bytes")
    } else if text.chars().any(char::is_control) {
        Some("has a control character")
    } else {
        None
    }
}

/// The error for a broken promise, with the result of the undo.
fn refused(how: impl fmt::Display, undone: Result<(), ProviderError>) -> ProviderError {
    match undone {
        Ok(()) => ProviderError::defect(format!("{how}; its resource was destroyed again"))
            .with_effect(Effect::NotDone),
        Err(error) => ProviderError::defect(format!("{how}; its resource is still there: {error}")),
    }
}
