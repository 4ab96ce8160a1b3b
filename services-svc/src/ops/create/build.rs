//! The steps of a creation. Each is idempotent, and none undoes anything.

use agent_pool_core::wire::services::{CreatedInstance, ToolResource};
use agent_pool_core::{CreatedInfra, Redeploy, ToolId, ToolOptions, chain};
use agent_pool_service_kit::db::DbError;
use futures_util::future::{join, join_all};
use tracing::warn;

use super::plan::Plan;
use super::{CreateStep, Failure};
use crate::db::instance_infra;
use crate::db::instance_services::{self, InstanceTool, NewTool};
use crate::ops::equip::{Equipped, equip};
use crate::ops::lease::Lease;
use crate::ops::step::StepError;
use crate::vendors::Tool;

/// Takes every step. `standing` is what the instance has of a creation that was cut off.
///
/// All that runs side by side is awaited, also after a failure: what is in flight cannot be undone.
/// Where several fail, the first is answered and the others are logged.
pub(super) async fn build(
    lease: &Lease,
    plan: &Plan,
    standing: &[InstanceTool],
) -> Result<CreatedInstance, Failure> {
    intend(lease, plan, standing)
        .await
        .map_err(at(CreateStep::Intend))?;
    let tools = plan.tools.iter();
    let tools = join_all(tools.map(|(id, tool)| async move {
        let equipped = provision(lease, plan, tool, standing).await;
        equipped.map(|equipped| (id.clone(), equipped))
    }));
    let (infra, tools) = join(create_infra(lease, plan), tools).await;
    let tools = first_failure(plan, tools).map_err(at(CreateStep::ProvisionTool));
    let infra = infra.map_err(at(CreateStep::CreateInfra));
    let infra = infra.inspect_err(|_| {
        if let Err(other) = &tools {
            report(plan, &other.cause);
        }
    })?;
    let tools = tools?;
    start(lease, plan, &infra, &tools)
        .await
        .map_err(at(CreateStep::Start))?;
    let services = tools.into_iter().map(|(id, tool)| {
        let resource_id = tool.resource;
        (id, ToolResource { resource_id })
    });
    Ok(CreatedInstance {
        instance_id: plan.instance.clone(),
        service_id: infra.handle.service,
        url: infra.url,
        services: services.collect(),
    })
}

/// Rows for all that is about to be made, before any of it is.
pub(super) async fn intend(
    lease: &Lease,
    plan: &Plan,
    standing: &[InstanceTool],
) -> Result<(), DbError> {
    let label = &lease.app().vendors().context().mark().label(&plan.instance);
    let missing = plan
        .tools
        .values()
        .filter(|tool| in_use(standing, tool).is_none());
    let rows: Vec<NewTool<'_>> = missing
        .map(|tool| NewTool {
            tool: tool.id(),
            main: tool.main_variable(),
        })
        .collect();
    let (infra, rows) = (plan.infra.id(), rows.as_slice());
    // What is intended is there.
    let _ = lease
        .write(async |conn, fence| instance_infra::intend(conn, fence, infra, label).await)
        .await?;
    if !rows.is_empty() {
        let _ = lease
            .write(async |conn, fence| instance_services::intend(conn, fence, label, rows).await)
            .await?;
    }
    Ok(())
}

async fn create_infra(lease: &Lease, plan: &Plan) -> Result<CreatedInfra, StepError> {
    let created = &plan.infra.create(&plan.instance, &plan.spec).await?;
    let written =
        lease.write(async |conn, fence| instance_infra::record_made(conn, fence, created).await);
    written.await?.or_gone(&plan.instance)?;
    Ok(created.clone())
}

/// A tool that is in use keeps its secret; it is not provisioned again.
async fn provision(
    lease: &Lease,
    plan: &Plan,
    tool: &Tool,
    standing: &[InstanceTool],
) -> Result<Equipped, StepError> {
    let instance = &plan.instance;
    if let Some((row, resource)) = in_use(standing, tool) {
        return Ok(Equipped {
            resource: resource.clone(),
            env: row.env.open(lease.app().cipher(), instance, tool.id())?,
        });
    }
    equip(lease, tool, &ToolOptions::new()).await
}

async fn start(
    lease: &Lease,
    plan: &Plan,
    infra: &CreatedInfra,
    tools: &[(ToolId, Equipped)],
) -> Result<(), StepError> {
    let tools = tools.iter().map(|(_, tool)| tool.env.clone());
    let variables = plan.variables(lease.app(), tools);
    plan.infra
        .configure(&infra.handle, &variables, Redeploy::Yes)
        .await?;
    let written =
        lease.write(async |conn, fence| instance_infra::record_started(conn, fence).await);
    Ok(written.await?.or_gone(&plan.instance)?)
}

fn in_use<'a>(
    standing: &'a [InstanceTool],
    tool: &Tool,
) -> Option<(&'a InstanceTool, &'a agent_pool_core::ResourceId)> {
    let row = standing.iter().find(|row| row.tool == *tool.id())?;
    Some((row, row.in_use()?))
}

fn first_failure<T>(plan: &Plan, results: Vec<Result<T, StepError>>) -> Result<Vec<T>, StepError> {
    let (done, failed): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let mut failures = failed.into_iter().filter_map(Result::err);
    let Some(first) = failures.next() else {
        return Ok(done.into_iter().filter_map(Result::ok).collect());
    };
    failures.for_each(|other| report(plan, &other));
    Err(first)
}

/// For a failure that is not the one that is answered.
fn report(plan: &Plan, error: &StepError) {
    let instance = &plan.instance;
    warn!(
        instance.id = %instance,
        error.chain = chain(error),
        "a further step of the creation of instance {instance} failed"
    );
}

fn at<E: Into<StepError>>(step: CreateStep) -> impl Fn(E) -> Failure {
    move |cause| Failure {
        step,
        cause: cause.into(),
    }
}
