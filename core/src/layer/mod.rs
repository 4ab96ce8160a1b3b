//! Layers: behaviour that every provider gets without writing it.
//!
//! [`layered_tool`] and [`layered_infra`] put them around a provider; the registry does so when it builds one. From
//! the outermost to the innermost:
//!
//! ```text
//! observe( serial( retry( limit( timeout( guard( check( provider )))))))
//! ```
//!
//! - *observe* names, traces and counts the call as its caller sees it, all attempts together;
//! - *serial* runs changes of an instance one after another, each with its retries;
//! - *retry* repeats calls that may be repeated, and holds no permit while it waits;
//! - *limit* limits the rate and the concurrency of attempts;
//! - *timeout* bounds one attempt. The deadline over all of them is in the [`Context`](crate::Context);
//! - *guard* makes a panic of the provider an error, which is not tried again;
//! - *check* refuses an answer that breaks the contract, and destroys the resource that was made. It is the
//!   innermost, so that its undo is timed and guarded like the provider. [`checked_tool`] and [`checked_infra`] are
//!   separate functions, because only the registry knows what a provider declares.
//!
//! The timeout ends a call that waits forever, but not one that blocks its thread: a provider runs blocking code in
//! `tokio::task::spawn_blocking`.
//!
//! The settings of an operator are in [`LayerSettings`], read with the provider's prefix.

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
