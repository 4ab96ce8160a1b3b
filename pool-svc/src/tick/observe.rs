//! What is there: the rows, and what Services says about them.

use agent_pool_core::chain;
use agent_pool_core::wire::pool::Status;
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

pub(super) async fn observe(app: &App) -> Result<(Vec<Seen>, Answer), DbError> {
    let fleet = views::load_seen(&mut *app.db.conn().await?).await?;
    let asked: Vec<_> = fleet
        .iter()
        .filter(|seen| seen.status != Status::Claiming)
        .map(|seen| seen.id.clone())
        .collect();
    if asked.is_empty() {
        return Ok((fleet, Answer::Batch(StatusBatch::new())));
    }
    let answer = match app.services.status(asked).await {
        Ok(batch) => Answer::Batch(batch),
        Err(error) => Answer::None(format!("Services {}", chain(&error))),
    };
    Ok((fleet, answer))
}
