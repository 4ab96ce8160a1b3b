//! One file for each command: its arguments, requests and output. A new command also needs a variant of `Ask` in
//! `cli.rs`, a line in `main.rs`, and a row in README.md.

pub(crate) mod claim;
pub(crate) mod completions;
pub(crate) mod costs;
mod details;
pub(crate) mod doctor;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod fleet;
pub(crate) mod key;
pub(crate) mod kill;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod mcp;
pub(crate) mod pools;
pub(crate) mod protect;
pub(crate) mod providers;
pub(crate) mod rollout;
pub(crate) mod show;
pub(crate) mod simulate;
mod sort;
pub(crate) mod sweep;
pub(crate) mod templates;
pub(crate) mod tools;
mod until;
pub(crate) mod up;
pub(crate) mod upgrades;
pub(crate) mod watch;
pub(crate) mod webhooks;
