//! What a tick looks at: the rows, and what Services says about the whole fleet.

use std::time::Duration;

use agent_pool_core::wire::services::StatusBatch;
use agent_pool_service_kit::db::DbError;

use crate::app::App;
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
pub(super) async fn observe(
    app: &App,
    within: Duration,
) -> Result<(Vec<FleetRow>, Observation), DbError> {
    let fleet = views::load_fleet(&mut *app.db.conn().await?).await?;
    let observation = match app.services.status(within).await {
        Ok(batch) => Observation::Batch(batch),
        Err(error) => Observation::Unavailable(error.to_string()),
    };
    Ok((fleet, observation))
}
