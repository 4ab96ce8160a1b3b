//! Layers: behaviour that every provider gets without writing it.
//!
//! [`layered_tool`] and [`layered_infra`] put them around a provider; the registry does so when it builds
//! one. From outside to inside, each for a reason:
//!
//! ```text
//! observe( serial( retry( limit( timeout( guard( check( provider )))))))
//! ```
//!
//! - *observe* names, traces and counts the call as its caller sees it, all attempts together;
//! - *serial* lets one change of an instance end before the next begins, retries included;
//! - *retry* repeats what may be repeated, and holds no permit while it waits;
//! - *limit* admits one attempt, by rate and by number at once;
//! - *timeout* bounds one attempt. The deadline over all of them is in the [`Context`](crate::Context);
//! - *guard* makes a panic of the provider an error, which is not tried again;
//! - *check* refuses an answer that breaks the contract, and destroys what was made with it. It is the
//!   innermost, so that its undo is timed and guarded like the provider. [`checked_tool`] and
//!   [`checked_infra`] are apart, because only the registry knows what a provider declares.
//!
//! A call that waits by itself for ever is ended by the timeout. One that blocks its thread is not: a
//! provider leaves what blocks to `tokio::task::spawn_blocking`.
//!
//! What an operator can set is in [`LayerSettings`], read with the provider's prefix.

mod check;
mod guard;
mod infra;
mod limit;
mod observe;
mod operation;
mod retry;
mod serial;
mod settings;
mod stack;
mod stats;
mod timeout;
mod tool;

pub use check::{checked_infra, checked_tool};
pub(crate) use infra::counted_infra;
pub use infra::layered_infra;
pub use limit::Rate;
pub use settings::{LayerSettings, prefix_of};
pub use stats::CallStats;
pub(crate) use tool::counted_tool;
pub use tool::layered_tool;
