//! The version of what the pages show, shared by all open pages of this replica.

use std::time::Duration;

use agent_pool_service_kit::db::{Db, DbError};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::db::version;

/// How long a loaded version is shared.
const CACHE_TTL: Duration = Duration::from_millis(500);

/// The last loaded version and when it was loaded.
#[derive(Debug, Default)]
pub(super) struct VersionCache(Mutex<Option<(Instant, i64)>>);

impl VersionCache {
    /// Queries the database at most twice a second, no matter how many pages are open.
    pub(super) async fn current(&self, db: &Db) -> Result<i64, DbError> {
        let mut latest = self.0.lock().await;
        if let Some((at, version)) = *latest
            && at.elapsed() < CACHE_TTL
        {
            return Ok(version);
        }
        let version = version::load(&mut *db.conn().await?).await?;
        *latest = Some((Instant::now(), version));
        Ok(version)
    }
}
