//! Claiming.

use agent_pool_core::wire::pool::{ClaimRequest, Claimed};
use agent_pool_core::wire::problem::Problem;
use warp::reply::{Reply, Response};

use crate::app::App;
use crate::claim::{self, Progress};

/// `POST /api/pool/claim`
pub(crate) async fn claim(request: ClaimRequest, app: App) -> Result<Claimed, Problem> {
    let claim = claim::start(&app, request, Progress::default());
    Ok(claim::end(claim).await?)
}

/// `POST /api/pool/claim/stream`
pub(crate) async fn stream(request: ClaimRequest, app: App) -> Response {
    let events = claim::stream::claim(&app, request);
    warp::sse::reply(warp::sse::keep_alive().stream(events)).into_response()
}
