//! Notifies open pages of changes, so that their script reloads them.

use std::convert::Infallible;
use std::time::Duration;

use agent_pool_core::chain;
use futures_util::StreamExt;
use tokio::sync::mpsc::{self, Sender};
use tokio::time::sleep;
use tokio_stream::wrappers::ReceiverStream;
use tracing::warn;
use warp::reply::{Reply, Response};
use warp::sse::Event;

use super::session::Session;
use super::state::Dashboard;
use crate::pool::Pool;

/// How often a stream looks for a change.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How long a stream lasts. The browser reconnects, which checks its session again.
const STREAM_LIFETIME: Duration = Duration::from_mins(10);

/// `GET /live`: sends an event `version` immediately and after each change, until a shutdown.
pub(super) async fn stream(_session: Session, (dashboard, pool): (Dashboard, Pool)) -> Response {
    let (page, versions) = mpsc::channel(1);
    let background = pool.background;
    let shutdown = background.shutdown().clone();
    let streaming = async move {
        tokio::select! {
            () = shutdown.wait() => {}
            () = sleep(STREAM_LIFETIME) => {}
            () = page.closed() => {}
            () = send_versions(&dashboard, &page) => {}
        }
    };
    drop(background.tasks.spawn("live", streaming));
    let events = ReceiverStream::new(versions).map(|version: i64| {
        let event = Event::default().event("version").data(version.to_string());
        Ok::<_, Infallible>(event)
    });
    warp::sse::reply(warp::sse::keep_alive().stream(events)).into_response()
}

/// Returns when the database fails: the page then shows that it is outdated and reconnects.
async fn send_versions(dashboard: &Dashboard, page: &Sender<i64>) {
    let mut sent = None;
    loop {
        match dashboard.version.current(&dashboard.app.db).await {
            Ok(version) if sent != Some(version) => {
                sent = Some(version);
                // If the page was closed, `stream` ends this task.
                let _ = page.send(version).await;
            }
            Ok(_) => {}
            Err(error) => {
                let error = chain(&error);
                return warn!("live updates of an open page were interrupted: {error}");
            }
        }
        sleep(POLL_INTERVAL).await;
    }
}
