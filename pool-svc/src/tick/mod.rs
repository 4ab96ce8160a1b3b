//! One pass over the fleet: observe, decide, apply, begin.
//!
//! A tick takes no hint about what changed, runs on a timer and on request, and retries nothing, because the next tick
//! does. One replica ticks at a time, and a tick that lost its turn is fenced off by its number (see
//! [`tick_state`](crate::db::tick_state)). The number of its statements does not grow with the fleet.

mod apply;
mod begin;
pub(crate) mod decide;
mod decision;
mod doubt;
mod error;
mod observe;
mod pass;
mod ticker;
mod tidy;
pub(crate) mod timer;

pub(crate) use error::TickError;
pub(crate) use ticker::Ticker;
