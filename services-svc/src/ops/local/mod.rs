//! Tools for a developer's own machine: keys without an instance.
//!
//! The grant's row is all that is kept, and has no secret. It tells the sweep that what the vendors
//! list is somebody's, for as long as it says. A row is written before the vendors are asked, to
//! expire as soon as the making must be over; only when all is made does it get its full time. So
//! what a crash cuts off is an orphan soon, and what a developer forgets is one in the end. The making
//! needs no lease: until its answer nobody knows the instance's id.

mod provision;
mod take_back;

pub(crate) use provision::{ProvisionLocalError, provision_local};
pub(crate) use take_back::take_back;
