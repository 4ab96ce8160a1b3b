//! Claiming.

use agent_pool_core::wire::pool::Claimed;
use agent_pool_core::wire::problem::Problem;
use warp::reply::{Reply, Response};

use crate::app::App;
use crate::claim::{self, Order, Progress};

/// `POST /api/pool/claim`
pub(crate) async fn claim(order: Order, app: App) -> Result<Claimed, Problem> {
    let claim = claim::start(&app, order, Progress::default());
    Ok(claim.end().await?)
}

/// `POST /api/pool/claim/stream`
pub(crate) async fn stream(order: Order, app: App) -> Response {
    let events = claim::stream::claim(&app, order);
    warp::sse::reply(warp::sse::keep_alive().stream(events)).into_response()
}
