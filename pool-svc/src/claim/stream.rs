//! A claim as server-sent events: `waiting` with its place in the queue, `step` after each step, then `result`,
//! `pending` or `error`.

use std::convert::Infallible;

use agent_pool_core::wire::pool::ClaimOutcome;
use agent_pool_core::wire::problem::Problem;
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use tokio::sync::mpsc::unbounded_channel;
use tokio_stream::wrappers::UnboundedReceiverStream;
use warp::sse::Event;

use super::context::Claims;
use super::error::ClaimError;
use super::input::ClaimInput;
use super::progress::{Progress, ProgressEvent};

/// Starts a claim and streams its progress. Dropping the stream is a disconnect.
pub(crate) fn claim(
    claims: &Claims,
    input: ClaimInput,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + use<> {
    let (listener, steps) = unbounded_channel();
    let claim = claims.start(input, Progress::to(listener));
    UnboundedReceiverStream::new(steps)
        .map(|progress| match progress {
            ProgressEvent::Waiting(waiting) => event("waiting", &waiting),
            ProgressEvent::Step(step) => event("step", &step),
        })
        .chain(stream::once(async { last(claim.outcome().await) }))
        .map(Ok)
}

fn last(outcome: Result<ClaimOutcome, ClaimError>) -> Event {
    match outcome {
        Ok(ClaimOutcome::Claimed(claimed)) => event("result", &claimed),
        Ok(ClaimOutcome::Pending(pending)) => event("pending", &pending),
        Err(error) => event("error", &Problem::from(error)),
    }
}

fn event(name: &str, body: &impl Serialize) -> Event {
    let named = Event::default().event(name);
    named
        .json_data(body)
        .expect("wire types are JSON objects with text keys")
}
