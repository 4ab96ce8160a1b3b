//! The dashboard: pages for people, drawn on the server.
//!
//! Every page works without JavaScript; the script only saves a reload. Who signs in with a key of
//! `POOL_API_KEY` is an operator, with one of `POOL_READ_KEY` a reader, who changes nothing. What a page
//! does is done by the functions that the API calls, and no page has a secret.

mod assets;
mod fleet;
mod gate;
mod page;
mod reply;
mod routes;
mod session;
mod sign_in;

pub(crate) use routes::{not_found, routes};
pub(crate) use session::Keys;
