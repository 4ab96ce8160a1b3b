//! What the service does, over `dyn` providers and the tables; no HTTP.
//!
//! Whatever makes or destroys holds the lease of its instance, writes its intent before the effect,
//! and is idempotent: after a crash the same request goes on from the rows.

mod clash;
pub(crate) mod configure;
pub(crate) mod create;
pub(crate) mod destroy;
pub(crate) mod destroy_tool;
mod document;
pub(crate) mod equip;
pub(crate) mod instance;
pub(crate) mod lease;
pub(crate) mod local;
pub(crate) mod logs;
pub(crate) mod ping;
pub(crate) mod provision;
pub(crate) mod recover;
pub(crate) mod refusal;
pub(crate) mod registry;
pub(crate) mod repair;
pub(crate) mod status;
pub(crate) mod step;
pub(crate) mod sweep;
pub(crate) mod tear_down;
pub(crate) mod undo;
pub(crate) mod wanted;
