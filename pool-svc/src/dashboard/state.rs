//! The state that all pages share.

use std::sync::Arc;

use agent_pool_core::wire::problem::Problem;
use agent_pool_service_kit::auth::Caller;
use agent_pool_service_kit::db::DbError;
use cookie::Cookie;
use warp::http::HeaderMap;

use super::cookies::CookiePolicy;
use super::db::sessions;
use super::keys::Keys;
use super::origin;
use super::session::{self, Session};
use super::version_cache::VersionCache;
use crate::app::App;
use crate::problem::from_database;

/// The service and the dashboard's own state. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Dashboard {
    pub(super) app: App,
    pub(super) cookies: CookiePolicy,
    keys: Arc<Keys>,
    pub(super) version: Arc<VersionCache>,
}

impl Dashboard {
    /// The dashboard of `app`, for the keys in `POOL_API_KEY` and `POOL_READ_KEY`.
    pub(crate) fn new(app: App) -> Self {
        let config = &app.config;
        let keys = Keys::new(
            &config.http.pool_api_key,
            config.pool.pool_read_key.as_ref(),
        );
        Self {
            cookies: CookiePolicy::new(config.pool.public_url.as_ref()),
            keys: Arc::new(keys),
            version: Arc::default(),
            app,
        }
    }
    /// Refuses a form from another site.
    pub(super) fn require_same_origin(&self, request: &HeaderMap) -> Result<(), Problem> {
        let public_url = self.app.config.pool.public_url.as_ref();
        origin::require_same_origin(request, public_url)
    }

    /// Starts a session for a caller that presents a key.
    pub(super) async fn begin_session(
        &self,
        caller: &Caller,
        presented: &str,
        request: &HeaderMap,
    ) -> Result<(Session, Cookie<'static>), Problem> {
        let (session, proof) = self.keys.begin(caller, presented)?;
        let stored = self.store_session(&session, &proof).await;
        stored.map_err(from_database)?;
        let cookie = self.cookies.begin(&session.id, request);
        Ok((session, cookie))
    }

    async fn store_session(&self, session: &Session, proof: &[u8]) -> Result<(), DbError> {
        let mut conn = self.app.db.conn().await?;
        sessions::insert(&mut conn, &session.id.hash(), proof, session::LIFETIME).await
    }

    /// The session of a request, if it has a valid one.
    pub(super) async fn find_session(
        &self,
        request: &HeaderMap,
    ) -> Result<Option<Session>, DbError> {
        let Some(id) = self.cookies.read(request) else {
            return Ok(None);
        };
        let mut conn = self.app.db.conn().await?;
        let proof = sessions::find_proof(&mut conn, &id.hash()).await?;
        Ok(proof.and_then(|proof| self.keys.resume(id, &proof)))
    }

    /// Ends a session on every replica.
    pub(super) async fn end_session(&self, session: &Session) -> Result<(), DbError> {
        let mut conn = self.app.db.conn().await?;
        sessions::delete(&mut conn, &session.id.hash()).await
    }
}
