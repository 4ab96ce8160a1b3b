//! What a tick looks at: the rows, and what Services says about the whole fleet.

use std::time::Duration;

use agent_pool_core::wire::services::StatusBatch;
use agent_pool_service_kit::db::DbError;
use futures_util::StreamExt;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use crate::app::App;
use crate::db::tick_state::Clock;
use crate::db::views::{self, FleetRow};

/// What Services said about the fleet.
#[derive(Debug)]
pub(crate) enum Observation {
    Batch(StatusBatch),
    /// Services could not be asked, and why.
    Unavailable(String),
}

/// Asks Services for all that it has. Nearly all of it is ours, and what is not ours is of interest too:
/// a list of our ids would leave out only the few that are claimed, crashed or destroyed just now.
///
/// The rows are older than the answer, so that a move is refused whose row has changed since. Services is asked
/// as soon as the first row is there; the others arrive meanwhile.
pub(super) async fn observe(
    app: &App,
    clock: Clock,
    within: Duration,
) -> Result<(Vec<FleetRow>, Observation), DbError> {
    let mut conn = app.db.conn().await?;
    let mut rows = views::stream_fleet(&mut conn, clock).await?;
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
        Ok(Ok(batch)) => Observation::Batch(batch),
        Ok(Err(error)) => Observation::Unavailable(error.to_string()),
        Err(error) => Observation::Unavailable(error.to_string()),
    };
    Ok((fleet, observation))
}
