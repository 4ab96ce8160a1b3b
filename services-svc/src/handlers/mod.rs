//! One handler per route: it calls one operation with the parsed request, and builds the answer.

pub(crate) mod configure;
pub(crate) mod create_instance;
pub(crate) mod destroy;
pub(crate) mod destroy_tool;
pub(crate) mod ensure_tools;
pub(crate) mod instance;
pub(crate) mod logs;
pub(crate) mod notice;
pub(crate) mod provision_local;
pub(crate) mod provision_tool;
pub(crate) mod recipe;
pub(crate) mod redeploy;
pub(crate) mod registry;
pub(crate) mod remove_tool;
pub(crate) mod status_batch;
pub(crate) mod sweep;
mod tool_id;
pub(crate) mod update_tool;
pub(crate) mod upgrade;
pub(crate) mod usage_batch;
pub(crate) mod version;
