//! Observes the fleet: the rows, and the status of all instances from Services.

use std::time::Duration;

use agent_pool_client::StatusAnswer;
use agent_pool_service_kit::db::DbError;
use futures_util::StreamExt;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use crate::app::App;
use crate::db::fleet::{self, FleetRow};
use crate::db::tick_state::Clock;

/// The answer of Services about the fleet.
#[derive(Debug)]
pub(crate) enum Observation {
    Answer(StatusAnswer),
    /// The call of Services failed, and why.
    Unavailable(String),
}

/// Asks Services for the status of every instance it has, not for a list of our ids: nearly all are ours, and those
/// that are not ours have to be found too.
///
/// The rows are older than the answer, so that a move is refused whose row has changed since. Services is asked as soon
/// as the first row is there; the others arrive meanwhile.
pub(super) async fn observe(
    app: &App,
    clock: Clock,
    within: Duration,
) -> Result<(Vec<FleetRow>, Observation), DbError> {
    let mut conn = app.db.conn().await?;
    let mut rows = fleet::stream(&mut conn, clock).await?;
    let mut fleet = Vec::new();
    if let Some(first) = rows.next().await {
        fleet.push(first?);
    }
    let services = app.services.clone();
    let ask = async move { services.status(within).await };
    let asked = AbortOnDropHandle::new(tokio::spawn(ask.in_current_span()));
    while let Some(row) = rows.next().await {
        fleet.push(row?);
    }
    drop(rows);
    drop(conn);
    let observation = match asked.await {
        Ok(Ok(answer)) => Observation::Answer(answer),
        Ok(Err(error)) => Observation::Unavailable(error.to_string()),
        Err(error) => Observation::Unavailable(error.to_string()),
    };
    Ok((fleet, observation))
}
