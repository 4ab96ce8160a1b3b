//! The dashboard: pages for people, rendered on the server.
//!
//! Every page works without JavaScript; the scripts only save reloads. A key of `POOL_API_KEY` signs in
//! an operator, a key of `POOL_READ_KEY` a reader, who can change nothing. Pages call the same functions
//! as the API, and no page contains a secret.

mod assets;
mod cause;
mod claim;
mod cookies;
mod db;
mod events;
mod explanation;
mod fleet;
mod format;
mod gate;
mod instance;
mod keys;
mod live;
mod origin;
mod over_time;
mod page;
mod pools;
mod problem_page;
mod providers;
mod reply;
mod routes;
mod session;
mod sign_in;
mod state;
mod version_cache;
mod webhooks;

pub(crate) use routes::{not_found, routes};
pub(crate) use state::Dashboard;
