//! `POST /api/pool/simulate`: the log under another policy.

use std::time::Duration;

use agent_pool_core::PoolName;
use agent_pool_core::wire::pool::{SimulatedPolicy, Simulation, SimulationRequest};
use agent_pool_service_kit::db::DbError;
use agent_pool_sizing::{HISTORY, Objective, ObjectiveError, Outcome, Rule, best_fixed, simulate};
use chrono::Utc;

use super::learn::lead;
use super::objective::parse_objective;
use crate::app::App;
use crate::db::{pools, sizings};
use crate::pools::Plan;

/// How far back a replay may begin.
const LONGEST: Duration = Duration::from_hours(90 * 24);
/// Highest cost of an idle hour: sums of higher ones are no numbers in JSON.
const HIGHEST_COST: f64 = 1e6;

/// Why a log cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error("there is no pool {0}")]
    UnknownPool(String),
    #[error("{0}")]
    Objective(#[from] ObjectiveError),
    #[error("sinceSeconds must be 1 hour to 90 days")]
    Since,
    #[error("costPerHour must be 0 to 1000000")]
    Cost,
    #[error("the replay was interrupted")]
    CutOff,
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Replays the log of a pool under its own policy, under another objective, and with the best fixed number.
pub(crate) async fn replay(
    app: &App,
    request: SimulationRequest,
) -> Result<Simulation, ReplayError> {
    let since = Duration::from_secs(request.since_seconds.into());
    if !(Duration::from_hours(1)..=LONGEST).contains(&since) {
        return Err(ReplayError::Since);
    }
    if !(0.0..=HIGHEST_COST).contains(&request.cost_per_hour) {
        return Err(ReplayError::Cost);
    }
    let unknown = |name: &str| ReplayError::UnknownPool(name.to_owned());
    let name = request.pool.as_deref().unwrap_or(PoolName::DEFAULT);
    let pool: PoolName = name.parse().map_err(|_| unknown(name))?;
    let until = Utc::now();
    let from = until - since;
    let mut conn = app.db.conn().await?;
    let found = pools::find(&mut conn, &pool).await?;
    let found = found.ok_or_else(|| unknown(name))?;
    let plan = Plan::new(&found, &app.config.pool);
    let current = match &found.spec.policy.objective {
        Some(declared) => Some(parse_objective(declared, plan.max_total)?),
        None => None,
    };
    let objective = parse_objective(&request.objective, plan.max_total)?;
    let arrivals = sizings::load_claims(&mut conn, &pool, from - HISTORY).await?;
    let lead = lead(&mut conn, &pool).await?;
    drop(conn);
    let inputs = Inputs {
        arrivals,
        from: from.timestamp(),
        until: until.timestamp(),
        lead,
        cost_per_hour: request.cost_per_hour,
        max: plan.max_total,
    };
    let fixed = plan.target;
    // Weeks of claims take seconds of CPU time.
    let work = tokio::task::spawn_blocking(move || {
        let now = match &current {
            Some(objective) => inputs.run("objective of the pool", Rule::Objective(objective)),
            None => inputs.run(&format!("{fixed} idle"), Rule::Fixed(fixed)),
        };
        (now, inputs.other(&objective))
    });
    let (current, (objective, best_fixed)) = work.await.map_err(|_| ReplayError::CutOff)?;
    Ok(Simulation {
        from,
        until,
        lead_seconds: lead.as_secs_f64(),
        current,
        objective,
        best_fixed,
    })
}

struct Inputs {
    arrivals: Vec<i64>,
    from: i64,
    until: i64,
    lead: Duration,
    cost_per_hour: f64,
    max: u32,
}

impl Inputs {
    fn run(&self, policy: &str, rule: Rule<'_>) -> SimulatedPolicy {
        let outcome = simulate(&self.arrivals, self.from, self.until, self.lead, rule);
        self.shown(policy, &outcome)
    }

    /// The objective, and the best fixed number for the hit rate that it reaches.
    fn other(&self, objective: &Objective) -> (SimulatedPolicy, SimulatedPolicy) {
        let percent = objective.hit_rate * 100.0;
        let sized = self.run(&format!("objective {percent}%"), Rule::Objective(objective));
        let (arrivals, from, until) = (&self.arrivals, self.from, self.until);
        let (count, outcome) =
            best_fixed(arrivals, from, until, self.lead, sized.hit_rate, self.max);
        (sized, self.shown(&format!("{count} idle"), &outcome))
    }

    fn shown(&self, policy: &str, outcome: &Outcome) -> SimulatedPolicy {
        SimulatedPolicy {
            policy: policy.to_owned(),
            claims: outcome.claims,
            hits: outcome.hits,
            hit_rate: outcome.hit_rate(),
            waits: outcome.claims - outcome.hits,
            mean_wait_seconds: outcome.mean_wait.as_secs_f64(),
            longest_wait_seconds: outcome.longest_wait.as_secs_f64(),
            idle_hours: outcome.idle_hours,
            cost: outcome.idle_hours * self.cost_per_hour,
        }
    }
}
