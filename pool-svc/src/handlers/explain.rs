//! Explanations.

use agent_pool_core::wire::pool::{Explanation, LifecycleEvent};
use agent_pool_core::wire::problem::{Problem, ProblemCode};
use agent_pool_core::{InstanceId, PoolName};
use agent_pool_service_kit::db::DbError;
use chrono::Utc;

use crate::app::App;
use crate::db::events::{self, Page};
use crate::db::{creation_failures, pools, views};
use crate::explain::{PoolFacts, count_all, explain_instance, explain_pool};
use crate::pools::{Plan, hold};
use crate::problem::{from_database, unknown_pool};

/// Maximum events of one explanation: an instance has about ten.
const MOST_EVENTS: u16 = 200;

/// `GET /api/pool/explain/instance/:id`
pub(crate) async fn instance(id: InstanceId, app: App) -> Result<Explanation, Problem> {
    let events = load_events(&app, &id).await.map_err(from_database)?;
    if events.is_empty() {
        let detail = format!("the log has no entries of instance {id}, or no longer has them");
        return Err(Problem::new(ProblemCode::UnknownInstance, detail));
    }
    Ok(explain_instance(&id, &events, Utc::now()))
}

/// Oldest first.
async fn load_events(app: &App, id: &InstanceId) -> Result<Vec<LifecycleEvent>, DbError> {
    let page = Page {
        limit: MOST_EVENTS,
        before: None,
        instance_id: Some(id.clone()),
        pool: None,
    };
    let mut events = events::load(&mut *app.db.conn().await?, &page).await?;
    events.reverse();
    Ok(events)
}

/// `GET /api/pool/explain/pool/:name`
pub(crate) async fn pool(name: PoolName, app: App) -> Result<Explanation, Problem> {
    let facts = load_facts(&app, &name).await.map_err(from_database)?;
    let facts = facts.ok_or_else(|| unknown_pool(&name))?;
    Ok(explain_pool(&facts))
}

async fn load_facts(app: &App, name: &PoolName) -> Result<Option<PoolFacts>, DbError> {
    let mut conn = app.db.conn().await?;
    let Some(found) = pools::find(&mut conn, name).await? else {
        return Ok(None);
    };
    let plan = Plan::new(&found, &app.config.pool);
    let mut counts = views::count_by_pool(&mut conn).await?;
    let mut waiting = pools::count_waiting(&mut conn).await?;
    let failures = creation_failures::load(&mut conn).await?;
    let fleet_total = counts.values().map(count_all).sum();
    Ok(Some(PoolFacts {
        name: name.to_string(),
        target: plan.target,
        max_total: plan.max_total,
        fleet_total,
        fleet_max_total: app.config.pool.pool_max_total,
        hold: plan.hold.or_else(|| hold::stop(&failures, name)),
        reason: plan.reason,
        counts: counts.remove(name.as_str()).unwrap_or_default(),
        waiting: waiting.remove(name.as_str()).unwrap_or_default(),
        failures: failures
            .into_iter()
            .filter(|one| one.pool == *name)
            .collect(),
    }))
}
