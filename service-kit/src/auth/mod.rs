//! Authentication: bearer keys, their names, and a limit on guessing them.

mod caller;
mod guesses;
mod keys;
mod principal;
mod require;
mod source;

pub use caller::{Caller, caller};
pub(crate) use guesses::Guesses;
pub use keys::{ApiKeys, KeyError};
pub use principal::Principal;
pub(crate) use principal::for_request;
pub use require::{Presented, identify, presented, require};
pub(crate) use source::Source;
pub use source::{ParseTrustedProxiesError, TrustedProxies};
