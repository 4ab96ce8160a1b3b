//! One creation, from its request to its answer.

use std::collections::BTreeMap;

use agent_pool_core::wire::services::{CreateInstanceRequest, CreatedInstance, ToolResource};
use agent_pool_core::{Attempt, Price, chain};
use agent_pool_service_kit::db::DbError;
use metrics::counter;
use tracing::{info, instrument, warn};

use super::confirm::confirm;
use super::plan::Plan;
use super::steps::{insert_instance, insert_intents, make};
use super::{CreateError, StepFailure};
use crate::app::App;
use crate::db::instance_infra::{self, InstanceInfra};
use crate::db::{Written, instance_services};
use crate::ops::lease::Lease;
use crate::ops::precondition::PreconditionError;
use crate::ops::recipe::find_infra;
use crate::ops::step_error::StepError;
use crate::ops::tear_down::{Undo, tear_down};
use crate::runtime_key;

/// Creates an instance, or answers again with the existing one.
#[instrument(name = "create", skip_all, fields(instance.id = %request.instance_id))]
pub(crate) async fn create(
    app: App,
    request: CreateInstanceRequest,
) -> Result<CreatedInstance, CreateError> {
    let plan = Plan::new(&app, request)?;
    let lease = Lease::wait_for::<CreateError>(&app, &plan.instance).await?;
    lease.hold(create_leased(&lease, plan)).await
}

async fn create_leased(lease: &Lease, mut plan: Plan) -> Result<CreatedInstance, CreateError> {
    let app = lease.app();
    let mut conn = app.db().conn().await?;
    let infra = instance_infra::find(&mut conn, &plan.instance).await?;
    plan.existing = instance_services::load(&mut conn, &plan.instance).await?;
    drop(conn);
    match infra {
        None => {
            confirm(app, &plan).await?;
            reserve(lease, &plan).await?;
        }
        Some(infra) => {
            if let Some(created) = existing_instance(app, &plan, &infra)? {
                return Ok(created);
            }
            plan.attempt = Attempt::Later;
            if let Some(key) = &infra.runtime_key {
                let key = runtime_key::open(app.cipher(), &plan.instance, key);
                plan.runtime_key = key.map_err(StepError::from)?;
            }
            // It continues on the infra where it began, even if the settings have changed.
            plan.recipe.infra = find_infra(app, &infra.infra)?;
        }
    }
    let (outcome, result) = match make(lease, &plan).await {
        Ok(created) => {
            info!("instance {} is created", plan.instance);
            ("created", Ok(created))
        }
        Err(failure) => {
            let step = failure.step.as_str();
            (step, Err(undo_failed(lease, plan, failure).await))
        }
    };
    counter!("agent_pool_builds_total", "outcome" => outcome).increment(1);
    result
}

/// Inserts the row of a new instance, within the limit.
async fn reserve(lease: &Lease, plan: &Plan) -> Result<(), CreateError> {
    let max = lease.app().config().limits.services_max_instances;
    match insert_instance(lease, plan, Some(max)).await? {
        Written::Yes => Ok(()),
        Written::NoRow => Err(CreateError::InstanceLimit(max)),
    }
}

/// The answer for an instance that has a row; `None` if its creation is incomplete.
fn existing_instance(
    app: &App,
    plan: &Plan,
    infra: &InstanceInfra,
) -> Result<Option<CreatedInstance>, CreateError> {
    if infra.destroying {
        return Err(PreconditionError::Destroying(infra.instance.clone()).into());
    }
    let (true, Some(handle), Some(url)) = (infra.started, &infra.made, &infra.url) else {
        return Ok(None);
    };
    let key = infra.runtime_key.as_deref();
    let key = key.map(|key| runtime_key::open(app.cipher(), &infra.instance, key));
    let services = plan.recipe.tools.keys().map(|tool| {
        let Some((_, resource)) = plan.existing_tool(tool) else {
            return Err(CreateError::OtherTools {
                instance: infra.instance.clone(),
                tool: tool.clone(),
            });
        };
        let resource_id = resource.clone();
        Ok((tool.clone(), ToolResource { resource_id }))
    });
    Ok(Some(CreatedInstance {
        instance_id: infra.instance.clone(),
        service_id: handle.service.clone(),
        url: url.clone(),
        services: services.collect::<Result<_, CreateError>>()?,
        runtime_key: key.transpose().map_err(StepError::from)?,
        prices: app
            .providers()
            .prices(&infra.infra, plan.recipe.tools.keys()),
        made_from: infra.made_from.as_ref().map(|made| made.hash.clone()),
    }))
}

async fn undo_failed(lease: &Lease, mut plan: Plan, failure: StepFailure) -> CreateError {
    // Before the tear-down deletes the rows. Without the prices, the ledger lacks the costs of what was made in vain.
    let prices = load_prices(lease, &plan).await.unwrap_or_default();
    let undone = async {
        // If the rows were deleted meanwhile, everything made since has no row. Insert the rows again first, so that
        // the tear-down finds it by its mark.
        if matches!(failure.cause, StepError::RowGone(_)) {
            plan.existing.clear();
            insert_intents(lease, &plan).await?;
        }
        Ok(tear_down(lease).await?)
    };
    let undo = Undo::new::<StepError>(lease.instance(), undone.await);
    let instance = plan.instance;
    warn!(
        step = failure.step.as_str(),
        error.chain = chain(&failure),
        "instance {instance} was not created; {undo}"
    );
    CreateError::Failed {
        instance,
        failure,
        undo,
        prices,
    }
}

/// The prices of the resources that a failed creation has made.
async fn load_prices(lease: &Lease, plan: &Plan) -> Result<BTreeMap<String, Price>, DbError> {
    let app = lease.app();
    let mut conn = app.db().conn().await?;
    let infra = instance_infra::find(&mut conn, &plan.instance).await?;
    let tools = instance_services::load(&mut conn, &plan.instance).await?;
    let made = tools.iter().filter(|tool| tool.made.is_some());
    let mut prices = app
        .providers()
        .prices(plan.recipe.infra.id(), made.map(|tool| &tool.tool));
    if infra.is_none_or(|infra| infra.made.is_none()) {
        prices.remove(plan.recipe.infra.id().as_str());
    }
    Ok(prices)
}
