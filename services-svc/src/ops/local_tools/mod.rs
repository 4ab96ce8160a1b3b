//! Tools for a developer's own machine: keys without an instance.
//!
//! Only the row of the grant is stored, without secrets. It keeps sweeps from treating the tools as orphans until the
//! grant expires. The row is written before the vendors are called, with an expiry just long enough to make the tools;
//! it gets its full time once everything is made. So the tools of an interrupted request soon become orphans, and
//! forgotten ones become orphans when the grant expires. Making a grant needs no lease, because nobody knows the
//! instance's id before the answer.

mod destroy;
mod provision;

pub(crate) use destroy::destroy_grant;
pub(crate) use provision::{ProvisionLocalError, provision_local};
