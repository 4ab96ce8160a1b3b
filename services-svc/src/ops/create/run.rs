//! One creation from its request to its answer.

use agent_pool_core::chain;
use agent_pool_core::wire::services::{CreateInstanceRequest, CreatedInstance, ToolResource};
use metrics::counter;
use tracing::{info, instrument, warn};

use super::build::{build, intend};
use super::plan::Plan;
use super::{CreateError, Failure};
use crate::app::App;
use crate::db::instance_infra::{self, InstanceInfra};
use crate::db::instance_services::{self, InstanceTool};
use crate::ops::lease::Lease;
use crate::ops::precondition::PreconditionError;
use crate::ops::step_error::StepError;
use crate::ops::tear_down::tear_down;
use crate::ops::tear_down::Undo;

/// Creates an instance, or answers again what is there.
#[instrument(name = "create", skip_all, fields(instance.id = %request.instance_id))]
pub(crate) async fn create(
    app: App,
    request: CreateInstanceRequest,
) -> Result<CreatedInstance, CreateError> {
    let plan = Plan::of(&app, request)?;
    let lease = Lease::wait_for::<CreateError>(&app, &plan.instance).await?;
    lease.hold(create_alone(&lease, plan)).await
}

async fn create_alone(lease: &Lease, mut plan: Plan) -> Result<CreatedInstance, CreateError> {
    let app = lease.app();
    let mut conn = app.db().conn().await?;
    let infra = instance_infra::find(&mut conn, &plan.instance).await?;
    let tools = instance_services::load(&mut conn, &plan.instance).await?;
    drop(conn);
    if let Some(infra) = infra {
        if let Some(created) = standing(&plan, &infra, &tools)? {
            return Ok(created);
        }
        // Where it was begun, whatever the settings say by now.
        let begun = app.providers().infra(&infra.infra);
        plan.infra = begun.map_err(CreateError::Infra)?;
    }
    let instance = &plan.instance;
    match build(lease, &plan, &tools).await {
        Ok(created) => {
            counter!("agent_pool_creations_total", "outcome" => "created").increment(1);
            info!("instance {instance} is created");
            Ok(created)
        }
        Err(failure) => {
            counter!("agent_pool_creations_total", "outcome" => failure.step.as_str()).increment(1);
            Err(undone(lease, plan, failure).await)
        }
    }
}

/// What is answered for an instance that has a row; `None` where its creation is to go on.
fn standing(
    plan: &Plan,
    infra: &InstanceInfra,
    tools: &[InstanceTool],
) -> Result<Option<CreatedInstance>, CreateError> {
    if infra.destroying {
        return Err(PreconditionError::Destroying(infra.instance.clone()).into());
    }
    let (true, Some(handle), Some(url)) = (infra.started, &infra.made, &infra.url) else {
        return Ok(None);
    };
    let services = plan.tools.keys().map(|wanted| {
        let row = tools.iter().find(|row| row.tool == *wanted);
        let resource = row.and_then(InstanceTool::in_use);
        let resource_id = resource.cloned().ok_or_else(|| CreateError::OtherTools {
            instance: infra.instance.clone(),
            tool: wanted.clone(),
        })?;
        Ok((wanted.clone(), ToolResource { resource_id }))
    });
    Ok(Some(CreatedInstance {
        instance_id: infra.instance.clone(),
        service_id: handle.service.clone(),
        url: url.clone(),
        services: services.collect::<Result<_, CreateError>>()?,
    }))
}

async fn undone(lease: &Lease, plan: Plan, failure: Failure) -> CreateError {
    let undo = undo(lease, &plan, &failure).await;
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

/// Where somebody took the rows away, what was made since gets them back first, to be found by its mark.
async fn undo(lease: &Lease, plan: &Plan, failure: &Failure) -> Undo {
    let instance = &plan.instance;
    let undone = async {
        if matches!(failure.cause, StepError::RowGone(_)) {
            intend(lease, plan, &[]).await?;
        }
        tear_down(lease).await
    };
    Undo::of(instance, undone.await)
}
