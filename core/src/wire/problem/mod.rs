//! The error body of both services: the members of RFC 9457, with `code`, `error` and `retryAfter` besides.

mod body;
mod code;

pub use body::Problem;
pub use code::{Fault, ProblemCode};
