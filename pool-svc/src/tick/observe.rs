//! What is there: the rows, and what Services says about them and about what it has besides.

use std::time::Duration;

use agent_pool_core::wire::services::StatusBatch;
use agent_pool_service_kit::db::DbError;

use crate::app::App;
use crate::db::views::{self, Seen};

/// What Services said about the fleet.
#[derive(Debug)]
pub(crate) enum Answer {
    Batch(StatusBatch),
    /// Services could not be asked, and why.
    None(String),
}

/// One call for all that Services has. Nearly all of it is ours, and what is not ours is of interest
/// too: a list of ours would only leave out the few that are claimed, crashed or destroyed just now.
pub(super) async fn observe(app: &App, within: Duration) -> Result<(Vec<Seen>, Answer), DbError> {
    let fleet = views::load_seen(&mut *app.db.conn().await?).await?;
    let answer = match app.services.status(within).await {
        Ok(batch) => Answer::Batch(batch),
        Err(error) => Answer::None(error.to_string()),
    };
    Ok((fleet, answer))
}
