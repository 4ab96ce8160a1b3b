//! AgentMail's API: inboxes with idempotent creation, keys of one inbox, the organisation.

mod access;
mod api_keys;
mod error;
mod inboxes;
mod options;
mod page;
mod routes;
mod state;
mod webhooks;

pub use options::{AfterDelete, AgentMailOptions};
pub(crate) use state::AgentMail;
pub use state::{AgentMailInbox, AgentMailKey, AgentMailState, AgentMailWebhook};
