//! One pass over the fleet: observe, decide, apply.
//!
//! A tick takes no hint about what changed, runs on a timer and when nudged, and retries nothing: the
//! next one does. One replica ticks at a time. The number of its statements does not grow with the
//! fleet.

mod apply;
pub(crate) mod decide;
mod observe;
mod pass;
mod timer;

pub(crate) use pass::run;
