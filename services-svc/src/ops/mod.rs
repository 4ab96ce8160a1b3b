//! The operations of the service, on top of `dyn` providers and the tables, without HTTP.
//!
//! Every operation that makes or destroys something holds the lease of its instance, records its intent before the
//! effect, and is idempotent: after a crash the same request continues from the rows.

mod add_tools;
pub(crate) mod adopt;
pub(crate) mod configure;
pub(crate) mod create;
pub(crate) mod destroy;
pub(crate) mod destroy_tool;
mod document;
pub(crate) mod ensure_tools;
pub(crate) mod follow_notices;
pub(crate) mod instance;
pub(crate) mod lease;
pub(crate) mod local_tools;
pub(crate) mod logs;
mod ping;
pub(crate) mod precondition;
pub(crate) mod provision_tool;
pub(crate) mod recipe;
pub(crate) mod recover;
pub(crate) mod registry;
pub(crate) mod remove_tool;
mod repair_tool;
pub(crate) mod requested_tools;
pub(crate) mod reseal;
pub(crate) mod running;
pub(crate) mod status;
pub(crate) mod step_error;
pub(crate) mod sweep;
pub(crate) mod tear_down;
mod tool;
pub(crate) mod update_tool;
pub(crate) mod upgrade;
pub(crate) mod usage;
