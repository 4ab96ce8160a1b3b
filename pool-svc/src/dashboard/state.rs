//! What the pages share.

use std::sync::Arc;

use super::live::Latest;
use super::session::Keys;
use crate::app::App;

/// The service, and what the dashboard adds to it. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Dashboard {
    pub(super) app: App,
    pub(super) keys: Arc<Keys>,
    pub(super) latest: Arc<Latest>,
}

impl Dashboard {
    /// The dashboard of `app`. Keys of `POOL_API_KEY` and `POOL_READ_KEY` open it.
    pub(crate) fn new(app: App) -> Self {
        let config = &app.config;
        let keys = Keys::new(
            &config.http.pool_api_key,
            config.pool.pool_read_key.as_ref(),
        );
        Self {
            keys: Arc::new(keys),
            latest: Arc::default(),
            app,
        }
    }
}
