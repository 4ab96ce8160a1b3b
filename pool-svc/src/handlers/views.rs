//! Reading the state of the pool.

use agent_pool_core::wire::pool::{
    Agents, Counts, CreationFailure, Events, Info, InstanceView, PoolStatus, Status,
};
use agent_pool_core::wire::problem::Problem;
use agent_pool_core::{InstanceId, PoolName};
use agent_pool_service_kit::db::DbError;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::app::App;
use crate::db::events::{self, Page};
use crate::db::{creation_failures, tick_state, views};
use crate::plural::count_of;
use crate::pools::plan::{load_plans, total_target};
use crate::problem::{from_database, unknown_instance};

/// `GET /api/pool/status`
pub(crate) async fn status(app: App) -> Result<PoolStatus, Problem> {
    load_status(&app).await.map_err(from_database)
}

async fn load_status(app: &App) -> Result<PoolStatus, DbError> {
    let mut conn = app.db.conn().await?;
    let instances = views::load_all(&mut conn, &app.config.cipher).await?;
    let creation_failures = creation_failures::load(&mut conn).await?;
    let plans = load_plans(&mut conn, &app.config.pool).await?;
    Ok(PoolStatus {
        counts: views::count_loaded(&instances),
        min_idle: total_target(&plans),
        targets: plans
            .into_iter()
            .map(|plan| (plan.name, plan.target))
            .collect(),
        max_total: app.config.pool.pool_max_total,
        unobserved: tick_state::load_doubt(&mut conn).await?,
        last_create_error: last_create_error(&creation_failures),
        creation_failures,
        instances,
    })
}

/// The latest failure in one line, for older clients.
fn last_create_error(failures: &[CreationFailure]) -> Option<String> {
    let CreationFailure {
        failures_in_a_row,
        retry_at,
        error,
        ..
    } = failures.first()?;
    Some(format!(
        "failed {} in a row, next try after {}: {error}",
        count_of(*failures_in_a_row, "time"),
        retry_at.format("%FT%TZ")
    ))
}

/// `GET /api/pool/counts`
pub(crate) async fn counts(app: App) -> Result<Counts, Problem> {
    let count = async || views::count(&mut *app.db.conn().await?).await;
    count().await.map_err(from_database)
}

/// `GET /api/pool/agents`
pub(crate) async fn agents(app: App) -> Result<Agents, Problem> {
    let mut agents = Agents::default();
    for instance in load(&app).await.map_err(from_database)? {
        match instance.status {
            Status::Claimed => agents.claimed.push(instance),
            Status::Crashed => agents.crashed.push(instance),
            Status::Idle => agents.idle.push(instance),
            Status::Starting => agents.starting.push(instance),
            Status::Claiming | Status::Destroying => {}
        }
    }
    Ok(agents)
}

/// `GET /api/pool/instances/:id`
pub(crate) async fn instance(id: InstanceId, app: App) -> Result<InstanceView, Problem> {
    let find = async || views::find(&mut *app.db.conn().await?, &app.config.cipher, &id).await;
    let found = find().await.map_err(from_database)?;
    found.ok_or_else(|| unknown_instance(&id))
}

/// `GET /api/pool/info`
pub(crate) async fn info(app: App) -> Result<Info, Problem> {
    Ok(Info {
        environment: app.config.pool.pool_environment.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: agent_pool_core::COMMIT.map(ToOwned::to_owned),
        tools: app.config.pool.pool_tools.ids().to_vec(),
    })
}

/// A page of the lifecycle log.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventsQuery {
    /// How many entries, 1,000 at most.
    #[serde(default = "default_limit")]
    limit: u16,
    /// Only entries with a lower id than this one.
    before: Option<i64>,
    /// Only entries of this instance.
    instance_id: Option<InstanceId>,
    pool: Option<PoolName>,
}

const fn default_limit() -> u16 {
    100
}

/// Maximum number of log entries in one answer.
const MOST_EVENTS: u16 = 1_000;

/// `GET /api/pool/events`
pub(crate) async fn events(query: EventsQuery, app: App) -> Result<Events, Problem> {
    let page = Page {
        limit: query.limit.min(MOST_EVENTS),
        before: query.before,
        instance_id: query.instance_id,
        pool: query.pool,
    };
    let load = async || events::load(&mut *app.db.conn().await?, &page).await;
    let events = load().await.map_err(from_database)?;
    Ok(Events { events })
}

async fn load(app: &App) -> Result<Vec<InstanceView>, DbError> {
    views::load_all(&mut *app.db.conn().await?, &app.config.cipher).await
}
