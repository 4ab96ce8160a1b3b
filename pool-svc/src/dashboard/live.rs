//! News for open pages: that something has changed, so that their script loads them again.

use std::convert::Infallible;
use std::time::Duration;

use agent_pool_core::chain;
use agent_pool_service_kit::db::DbError;
use futures_util::StreamExt;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{self, Sender};
use tokio::time::{Instant, sleep};
use tokio_stream::wrappers::ReceiverStream;
use tracing::warn;
use warp::reply::{Reply, Response};
use warp::sse::Event;

use super::db::version;
use super::session::Session;
use super::state::Dashboard;

/// How often a page hears of changes at most.
const EVERY: Duration = Duration::from_secs(1);
/// How long a version counts as the latest, for all pages of this replica together.
const FRESH: Duration = Duration::from_millis(500);
/// How long one stream lasts. The page asks for the next one, and has to be signed in for it.
const LASTS: Duration = Duration::from_mins(10);

/// The version that was loaded last, and when.
#[derive(Debug, Default)]
pub(super) struct Latest(Mutex<Option<(Instant, i64)>>);

/// `GET /live`: an event `version` at once and with each change, until a shutdown.
pub(super) async fn stream(_session: Session, dashboard: Dashboard) -> Response {
    let (page, versions) = mpsc::channel(1);
    tokio::spawn(async move {
        tokio::select! {
            () = dashboard.app.queue.closes() => {}
            () = sleep(LASTS) => {}
            () = page.closed() => {}
            () = tell(&dashboard, &page) => {}
        }
    });
    let events = ReceiverStream::new(versions).map(|version: i64| {
        let event = Event::default().event("version").data(version.to_string());
        Ok::<_, Infallible>(event)
    });
    warp::sse::reply(warp::sse::keep_alive().stream(events)).into_response()
}

/// Returns when the database fails: the page says that it is not up to date, and asks again.
async fn tell(dashboard: &Dashboard, page: &Sender<i64>) {
    let mut told = None;
    loop {
        match latest(dashboard).await {
            Ok(version) if told != Some(version) => {
                told = Some(version);
                // Where the page is gone, this is ended.
                let _ = page.send(version).await;
            }
            Ok(_) => {}
            Err(error) => {
                let error = chain(&error);
                return warn!("an open page hears no news for a moment: {error}");
            }
        }
        sleep(EVERY).await;
    }
}

/// However many pages are open, the database is asked twice a second at most.
async fn latest(dashboard: &Dashboard) -> Result<i64, DbError> {
    let mut latest = dashboard.latest.0.lock().await;
    if let Some((at, version)) = *latest
        && at.elapsed() < FRESH
    {
        return Ok(version);
    }
    let version = version::load(&mut *dashboard.app.db.conn().await?).await?;
    *latest = Some((Instant::now(), version));
    Ok(version)
}
