//! The error body of both services: the members of RFC 9457, plus `code`, `error` and `retryAfter`.

mod body;
mod code;

pub use body::Problem;
pub use code::{Fault, ProblemCode};
