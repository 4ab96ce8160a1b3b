//! Claiming.

use agent_pool_core::wire::pool::Claimed;
use agent_pool_core::wire::problem::Problem;
use warp::reply::{Reply, Response};

use crate::claim::{self, ClaimInput, Claims, Progress};

/// `POST /api/pool/claim`
pub(crate) async fn claim(input: ClaimInput, claims: Claims) -> Result<Claimed, Problem> {
    let claim = claims.start(input, Progress::default());
    Ok(claim.outcome().await?)
}

/// `POST /api/pool/claim/stream`
pub(crate) async fn stream(input: ClaimInput, claims: Claims) -> Response {
    let events = claim::stream::claim(&claims, input);
    warp::sse::reply(warp::sse::keep_alive().stream(events)).into_response()
}
