//! A claim as server-sent events: `step` for each step that is done, then `result` or `error`.

use std::convert::Infallible;

use agent_pool_core::wire::pool::{ClaimProgress, ClaimRequest, Claimed};
use agent_pool_core::wire::problem::Problem;
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use tokio::sync::mpsc::unbounded_channel;
use tokio_stream::wrappers::UnboundedReceiverStream;
use warp::sse::Event;

use super::{ClaimError, Progress};
use crate::app::App;

/// Starts a claim and tells of it. The claim goes on when the stream is dropped.
pub(crate) fn claim(
    app: &App,
    request: ClaimRequest,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    let (listener, steps) = unbounded_channel();
    let claim = super::start(app, request, Progress::to(listener));
    UnboundedReceiverStream::new(steps)
        .map(|step: ClaimProgress| event("step", &step))
        .chain(stream::once(async { last(super::end(claim).await) }))
        .map(Ok)
}

fn last(outcome: Result<Claimed, ClaimError>) -> Event {
    match outcome {
        Ok(claimed) => event("result", &claimed),
        Err(error) => event("error", &Problem::from(error)),
    }
}

fn event(name: &str, body: &impl Serialize) -> Event {
    let named = Event::default().event(name);
    named
        .json_data(body)
        .expect("wire types are JSON objects with texts as keys")
}
