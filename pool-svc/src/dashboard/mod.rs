//! The dashboard: pages for people, drawn on the server.
//!
//! Every page works without JavaScript; the script only saves a reload. Who signs in with a key of
//! `POOL_API_KEY` is an operator, with one of `POOL_READ_KEY` a reader, who changes nothing. What a page
//! does is done by the functions that the API calls, and no page has a secret.

mod assets;
mod claim;
mod db;
mod fleet;
mod gate;
mod instance;
mod live;
mod over_time;
mod page;
mod providers;
mod reply;
mod routes;
mod session;
mod show;
mod sign_in;
mod state;

pub(crate) use routes::{not_found, routes};
pub(crate) use state::Dashboard;
