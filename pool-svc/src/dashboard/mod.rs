//! The dashboard: pages for people, drawn on the server.
//!
//! Every page works without JavaScript; the script only saves a reload. Who signs in with a key of
//! `POOL_API_KEY` is an operator, with one of `POOL_READ_KEY` a reader, who changes nothing. What a page
//! does is done by the functions that the API calls, and no page has a secret.

mod assets;
mod claim;
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

use agent_pool_service_kit::auth::ApiKeys;
pub(crate) use routes::{not_found, routes};

/// What the dashboard keeps while the service runs.
#[derive(Debug)]
pub(crate) struct Dashboard {
    keys: session::Keys,
    latest: live::Latest,
}

impl Dashboard {
    /// Lets in who has one of these keys.
    pub(crate) fn new(operators: &ApiKeys, readers: Option<&ApiKeys>) -> Self {
        Self {
            keys: session::Keys::new(operators, readers),
            latest: live::Latest::default(),
        }
    }
}
