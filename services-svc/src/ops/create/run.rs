//! One creation from its request to its answer.

use agent_pool_core::wire::services::{CreateInstanceRequest, CreatedInstance, ToolResource};
use agent_pool_core::{Attempt, chain};
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
            // It continues on the infra where it began, whatever the settings say now.
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

/// The answer for an instance that has a row; `None` if its creation is to go on.
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
    let undone = async {
        // If the rows were deleted meanwhile, everything made since has none. It gets them back first, so
        // that the tear-down finds it by its mark.
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
    }
}
