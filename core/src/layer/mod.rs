//! Layers: behaviour that every provider gets without writing it.
//!
//! [`layered_tool`] and [`layered_infra`] put them around a provider; the registry does so when it builds
//! one. From outside to inside, each for a reason:
//!
//! ```text
//! observe( serial( retry( limit( timeout( provider )))))
//! ```
//!
//! - *observe* names, traces and counts the call as its caller sees it, all attempts together;
//! - *serial* lets one change of an instance end before the next begins, retries included;
//! - *retry* repeats what may be repeated, and holds no permit while it waits;
//! - *limit* admits one attempt, by rate and by number at once;
//! - *timeout* bounds one attempt. The deadline over all of them is in the [`Context`](crate::Context).
//!
//! What an operator can set is in [`LayerSettings`], read with the provider's prefix.

mod infra;
mod limit;
mod observe;
mod operation;
mod retry;
mod serial;
mod settings;
mod stack;
mod timeout;
mod tool;

pub use infra::layered_infra;
pub use settings::{LayerSettings, prefix_of};
pub use tool::layered_tool;
