//! Strict parsing of JSON bodies, with the position of an error as the vendors write it.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The kind of error of a member of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultIn {
    /// A required member is missing.
    Missing,
    /// A member that the vendor does not know.
    Unknown,
    /// A value of the wrong type or format.
    Value,
}

/// The first error in a body.
#[derive(Debug, Clone)]
pub(crate) struct BodyFault {
    /// The member, such as `phone_numbers[0].phone_number`.
    pub(crate) field: String,
    pub(crate) message: String,
    pub(crate) kind: FaultIn,
}

impl BodyFault {
    /// A value that has the right type but is not accepted.
    pub(crate) fn value(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
            kind: FaultIn::Value,
        }
    }

    /// Parses `body` as `T`.
    pub(crate) fn check<T: DeserializeOwned>(body: &Value) -> Result<T, Self> {
        serde_path_to_error::deserialize(body).map_err(|error| {
            let path = error.path().to_string();
            let message = error.inner().to_string();
            let kind = match message.split_whitespace().next() {
                Some("missing") => FaultIn::Missing,
                Some("unknown") if message.starts_with("unknown field") => FaultIn::Unknown,
                _ => FaultIn::Value,
            };
            let field = name(&path, &message, kind);
            Self {
                field,
                message,
                kind,
            }
        })
    }
}

/// serde names a missing member only in its message, in backticks; its path is the parent's.
fn name(path: &str, message: &str, kind: FaultIn) -> String {
    let quoted = message.split('`').nth(1).unwrap_or_default();
    match (kind, path) {
        (FaultIn::Value | FaultIn::Unknown, _) => path.to_owned(),
        (FaultIn::Missing, ".") => quoted.to_owned(),
        (FaultIn::Missing, parent) => format!("{parent}.{quoted}"),
    }
}
