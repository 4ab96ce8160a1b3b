//! A claim, told step by step.

use std::pin::pin;
use std::time::Duration;

use agent_pool_core::wire::pool::{ClaimProgress, ClaimRequest, ClaimWaiting, Claimed};
use agent_pool_core::wire::problem::Problem;
use eventsource_stream::{Event, EventStreamError, Eventsource};
use futures_util::StreamExt;
use reqwest::Method;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::{CallError, Pool};

/// How long nothing may come: the server sends a comment every 15 s, so that is a broken connection.
const SILENT: Duration = Duration::from_secs(60);

/// A claim as it is asked for.
#[derive(Debug)]
pub(crate) struct ClaimOrder {
    pub(crate) request: ClaimRequest,
    /// How long to wait for an idle instance, in seconds.
    pub(crate) wait: u16,
    /// The word that makes it one claim, however often it is asked for.
    pub(crate) key: String,
}

/// What is told before a claim ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// It waits, at this place of the queue.
    Waiting(ClaimWaiting),
    /// A step is done.
    Step(ClaimProgress),
}

impl Pool {
    /// `POST /api/pool/claim/stream`, until it ends.
    pub(crate) async fn claim(
        &self,
        order: &ClaimOrder,
        mut tell: impl FnMut(Told),
    ) -> Result<Claimed, CallError> {
        let wait = order.wait.to_string();
        let request = self
            .request(Method::POST, &["claim", "stream"], &[("wait", &wait)])
            .header("idempotency-key", &order.key)
            .json(&order.request);
        let lost = |why: &str| self.0.broken(format!("it {why} in mid-claim"));
        let response = timeout(SILENT, self.0.open(request, SILENT)).await;
        let response = response.map_err(|_| lost("fell silent"))??;
        // The parser passes comments over, so that silence is to be noticed before it.
        let bytes = tokio_stream::StreamExt::timeout(response.bytes_stream(), SILENT);
        let bytes = bytes.map(|bytes| bytes.map_err(|_| "fell silent")?.map_err(|_| "broke"));
        let mut events = pin!(bytes.eventsource());
        while let Some(event) = events.next().await {
            let event = event.map_err(|error| match error {
                EventStreamError::Transport(why) => lost(why),
                other @ (EventStreamError::Utf8(_) | EventStreamError::Parser(_)) => {
                    self.0.garbled(other.to_string())
                }
            })?;
            match event.event.as_str() {
                "waiting" => tell(Told::Waiting(self.read(&event)?)),
                "step" => tell(Told::Step(self.read(&event)?)),
                "result" => return self.read(&event),
                "error" => return Err(self.0.refused(self.read::<Problem>(&event)?)),
                // What a newer server tells besides.
                _ => {}
            }
        }
        Err(lost("was cut"))
    }

    fn read<T: DeserializeOwned>(&self, event: &Event) -> Result<T, CallError> {
        serde_json::from_str(&event.data)
            .map_err(|error| self.0.garbled(format!("event {}: {error}", event.event)))
    }
}
