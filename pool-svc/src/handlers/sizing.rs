//! Replays the log under another policy.

use agent_pool_core::wire::pool::{Simulation, SimulationRequest};
use agent_pool_core::wire::problem::{Problem, ProblemCode};

use crate::app::App;
use crate::problem::from_database;
use crate::sizing::{ReplayError, replay};

/// `POST /api/pool/simulate`
pub(crate) async fn simulate(request: SimulationRequest, app: App) -> Result<Simulation, Problem> {
    let replayed = replay(&app, request).await;
    replayed.map_err(|error| match error {
        ReplayError::Database(error) => from_database(error),
        ReplayError::UnknownPool(_) => Problem::new(ProblemCode::UnknownPool, error.to_string()),
        ReplayError::Objective(_) => invalid("objective", &error),
        ReplayError::Since => invalid("sinceSeconds", &error),
        ReplayError::Cost => invalid("costPerHour", &error),
        ReplayError::CutOff => Problem::new(ProblemCode::ShuttingDown, error.to_string()),
    })
}

fn invalid(field: &str, error: &ReplayError) -> Problem {
    let detail = error.to_string();
    Problem::new(ProblemCode::InvalidField, detail).with_field(field)
}
