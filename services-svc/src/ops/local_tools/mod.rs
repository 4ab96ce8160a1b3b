//! Tools for a developer's own machine: keys without an instance.
//!
//! Only the row of the grant is kept, and it has no secret. It tells the sweep that what the vendors list
//! belongs to somebody until the grant expires. The row is written before the vendors are asked, and
//! expires as soon as the making must have ended. It gets its full time once everything is made. So what a
//! crash cuts off soon becomes an orphan, and so does what a developer forgets, in the end. Making a grant
//! needs no lease: nobody knows the instance's id before the answer.

mod destroy;
mod provision;

pub(crate) use destroy::destroy_grant;
pub(crate) use provision::{ProvisionLocalError, provision_local};
