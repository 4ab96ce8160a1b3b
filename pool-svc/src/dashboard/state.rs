//! The state that all pages share.

use std::sync::Arc;

use super::live::VersionCache;
use super::session::Keys;
use crate::app::App;

/// The service and the dashboard's own state. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Dashboard {
    pub(super) app: App,
    pub(super) keys: Arc<Keys>,
    pub(super) version: Arc<VersionCache>,
}

impl Dashboard {
    /// The dashboard of `app`, opened by the keys of `POOL_API_KEY` and `POOL_READ_KEY`.
    pub(crate) fn new(app: App) -> Self {
        let config = &app.config;
        let keys = Keys::new(
            &config.http.pool_api_key,
            config.pool.pool_read_key.as_ref(),
        );
        Self {
            keys: Arc::new(keys),
            version: Arc::default(),
            app,
        }
    }
}
