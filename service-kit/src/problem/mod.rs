//! Errors as answers: the one [`Problem`](agent_pool_core::wire::problem::Problem) of core, as a rejection and as a response.

mod response;
mod unrouted;

pub use response::{answer, response};
pub(crate) use response::{negotiate, prefers_problem_json};
pub(crate) use unrouted::MalformedPath;
pub use unrouted::{Rejected, problem_of, reject, unrouted};
