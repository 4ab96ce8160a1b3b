//! Claiming.

use agent_pool_core::InstanceId;
use agent_pool_core::wire::pool::{ClaimOutcome, Condemned};
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::wire::runtime::Acceptance;
use agent_pool_service_kit::auth::Presented;
use agent_pool_service_kit::body::parse_json;
use agent_pool_service_kit::problem::answer;
use warp::http::header::LOCATION;
use warp::http::{HeaderValue, StatusCode};
use warp::reply::{Reply, Response};

use crate::claim::{self, ClaimInput, Claims, Progress};

/// `POST /api/pool/claim`
pub(crate) async fn claim(input: ClaimInput, claims: Claims) -> Response {
    let claim = claims.start(input, Progress::default());
    match claim.outcome().await {
        Ok(ClaimOutcome::Pending(pending)) => {
            let location = format!("/api/pool/instances/{}", pending.instance_id);
            let mut response = answer(Ok(pending));
            *response.status_mut() = StatusCode::ACCEPTED;
            let location = HeaderValue::try_from(location);
            response
                .headers_mut()
                .extend(location.map(|it| (LOCATION, it)));
            response
        }
        Ok(ClaimOutcome::Claimed(claimed)) => answer(Ok(claimed)),
        Err(error) => answer::<ClaimOutcome>(Err(Problem::from(error))),
    }
}

/// `POST /api/pool/instances/:id/acceptance`
pub(crate) async fn acceptance(
    id: InstanceId,
    presented: Presented,
    body: Vec<u8>,
    claims: Claims,
) -> Result<Condemned, Problem> {
    let caller = claims.verify_runtime(&id, &presented).await?;
    let acceptance: Acceptance = parse_json(&body)?;
    claims.end_waiting(&id, &caller, acceptance).await?;
    Ok(Condemned {
        instance_id: id,
        ok: true,
    })
}

/// `POST /api/pool/claim/stream`
pub(crate) async fn stream(input: ClaimInput, claims: Claims) -> Response {
    let events = claim::stream::claim(&claims, input);
    warp::sse::reply(warp::sse::keep_alive().stream(events)).into_response()
}
