//! A claim as server-sent events: `waiting` with its place in the queue, `step` for each step that is
//! done, then `result` or `error`.

use std::convert::Infallible;

use agent_pool_core::wire::pool::Claimed;
use agent_pool_core::wire::problem::Problem;
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use tokio::sync::mpsc::unbounded_channel;
use tokio_stream::wrappers::UnboundedReceiverStream;
use warp::sse::Event;

use super::progress::Told;
use super::{ClaimError, Order, Progress};
use crate::app::App;

/// Starts a claim and tells of it. To drop the stream is to hang up.
pub(crate) fn claim(
    app: &App,
    order: Order,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    let (listener, steps) = unbounded_channel();
    let claim = super::start(app, order, Progress::to(listener));
    UnboundedReceiverStream::new(steps)
        .map(|told| match told {
            Told::Waiting(waiting) => event("waiting", &waiting),
            Told::Step(step) => event("step", &step),
        })
        .chain(stream::once(async { last(claim.end().await) }))
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
