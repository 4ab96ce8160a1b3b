//! A claim, with its progress step by step.

use std::pin::pin;
use std::time::Duration;

use agent_pool_core::wire::pool::{ClaimOutcome, ClaimProgress, ClaimWaiting};
use agent_pool_core::wire::problem::Problem;
use eventsource_stream::{Event, EventStreamError, Eventsource};
use futures_util::{StreamExt, stream};
use reqwest::{Method, Response};
use serde::de::DeserializeOwned;

use crate::order::ClaimOrder;
use crate::{CallError, Pool};

/// Time limit between two events. The server sends a comment every 15 s, so a longer silence means a broken connection.
const SILENCE: Duration = Duration::from_secs(60);

/// Progress of a claim before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimUpdate {
    /// It waits at this place in the queue.
    Waiting(ClaimWaiting),
    /// A step is done.
    Step(ClaimProgress),
}

impl Pool {
    /// `POST /api/pool/claim/stream`: claims, and calls `update` with each step until the claim ends.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn claim_stream(
        &self,
        order: &ClaimOrder,
        mut update: impl FnMut(ClaimUpdate),
    ) -> Result<ClaimOutcome, CallError> {
        let api = &self.0;
        let call = self.call(Method::POST, &["claim", "stream"]);
        let response = order.write(call).open(SILENCE).await?;
        // The timeout has to be below the parser, which skips comments.
        let chunks = tokio_stream::StreamExt::timeout(chunks(response), SILENCE);
        let chunks = chunks.map(|chunk| {
            let silent = "nothing arrived for a minute during the claim";
            chunk
                .map_err(|_| silent)?
                .map_err(|_| "it broke during the claim")
        });
        let mut events = pin!(chunks.eventsource());
        while let Some(event) = events.next().await {
            let event = event.map_err(|error| match error {
                EventStreamError::Transport(reason) => api.broken(reason),
                other @ (EventStreamError::Utf8(_) | EventStreamError::Parser(_)) => {
                    api.unreadable(other.to_string())
                }
            })?;
            match event.event.as_str() {
                "waiting" => update(ClaimUpdate::Waiting(self.parse(&event)?)),
                "step" => update(ClaimUpdate::Step(self.parse(&event)?)),
                "result" | "pending" => return self.parse(&event),
                "error" => return Err(api.refused(self.parse::<Problem>(&event)?)),
                // An event of a newer server.
                _ => {}
            }
        }
        Err(api.broken("it ended during the claim"))
    }

    fn parse<T: DeserializeOwned>(&self, event: &Event) -> Result<T, CallError> {
        let parsed = serde_json::from_str(&event.data);
        parsed.map_err(|error| {
            let reason = format!("event {}: {error}", event.event);
            self.0.unreadable(reason)
        })
    }
}

/// The body, as it arrives.
fn chunks(
    response: Response,
) -> impl futures_util::Stream<Item = Result<impl AsRef<[u8]>, reqwest::Error>> {
    stream::unfold(Some(response), |response| async {
        let mut response = response?;
        match response.chunk().await {
            Ok(chunk) => Some((Ok(chunk?), Some(response))),
            Err(error) => Some((Err(error), None)),
        }
    })
}
