//! Refuses answers that break the contract. Place in the order: innermost.
//!
//! Such an answer cannot be stored: it would harm the row, the instance or another tool. A resource that was made is
//! destroyed at once, by the id in the provider's answer. If that fails, the caller finds it by the mark and undoes
//! it.

mod infra;
mod tool;

pub use infra::checked_infra;
pub use tool::checked_tool;

use std::fmt;

use serde_json::Value;

use crate::{Effect, ProviderError};

/// Maximum length of a text in an answer that has no other limit, in bytes.
const TEXT_LIMIT: usize = 1_024;

/// The reason why a text of an answer is invalid; `None` if it is valid.
fn text_fault(text: &str) -> Option<&'static str> {
    if text.len() > TEXT_LIMIT {
        Some("is longer than 1024 bytes")
    } else if text.chars().any(char::is_control) {
        Some("has a control character")
    } else {
        None
    }
}

/// Neither a variable nor the database accepts NUL.
fn contains_nul(text: &str) -> bool {
    text.contains('\0')
}

/// Whether a text or a name in `value` has a NUL character.
fn any_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => contains_nul(text),
        Value::Array(items) => items.iter().any(any_nul),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| contains_nul(name) || any_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
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
