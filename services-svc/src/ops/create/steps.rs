//! The steps of a creation. Each is idempotent; undoing is the caller's work.

use agent_pool_core::wire::services::{CreatedInstance, MadeFrom, ToolResource};
use agent_pool_core::{CreatedInfra, Redeploy, ToolId, ToolOptions, chain};
use futures_util::future::{join, join_all};
use tracing::warn;

use super::plan::Plan;
use super::{CreateStep, StepFailure};
use crate::db::Written;
use crate::db::instance_infra::{self, NewInstance};
use crate::db::instance_services::{self, NewTool, Variables};
use crate::ops::lease::Lease;
use crate::ops::step_error::StepError;
use crate::ops::tool::{ReadyTool, provision_and_record};
use crate::providers::Tool;
use crate::runtime_key;

/// Runs every step.
///
/// Concurrent steps are all awaited even after a failure, because a call in flight cannot be undone. If several fail,
/// the first is returned and the others are logged.
pub(super) async fn make(lease: &Lease, plan: &Plan) -> Result<CreatedInstance, StepFailure> {
    insert_intents(lease, plan)
        .await
        .map_err(failed_at(CreateStep::Intend))?;
    let tools = plan.recipe.tools.iter();
    let tools = join_all(tools.map(|(id, tool)| async move {
        let ready = provision(lease, plan, tool).await;
        ready.map(|ready| (id.clone(), ready))
    }));
    let (infra, tools) = join(create_infra(lease, plan), tools).await;
    let tools = first_failure(plan, tools).map_err(failed_at(CreateStep::ProvisionTool));
    let infra = infra.map_err(failed_at(CreateStep::CreateInfra));
    let infra = infra.inspect_err(|_| {
        if let Err(other) = &tools {
            log_further_failure(plan, &other.cause);
        }
    })?;
    let tools = tools?;
    let made_from = start(lease, plan, &infra, &tools)
        .await
        .map_err(failed_at(CreateStep::Start))?;
    let services = tools.into_iter().map(|(id, tool)| {
        let resource_id = tool.resource;
        (id, ToolResource { resource_id })
    });
    Ok(CreatedInstance {
        instance_id: plan.instance.clone(),
        service_id: infra.handle.service,
        url: infra.url,
        services: services.collect(),
        runtime_key: Some(plan.runtime_key.clone()),
        prices: lease
            .app()
            .providers()
            .prices(plan.recipe.infra.id(), plan.recipe.tools.keys()),
        made_from: Some(made_from.hash),
    })
}

/// Inserts rows for everything that is about to be made, before any of it is.
pub(super) async fn insert_intents(lease: &Lease, plan: &Plan) -> Result<(), StepError> {
    // The result does not matter: an upsert always finds its row.
    let _ = insert_instance(lease, plan, None).await?;
    let context = lease.app().providers().context();
    let label = &context.mark().label(&plan.instance);
    let missing = plan.recipe.tools.iter();
    let missing = missing.filter(|(id, _)| plan.existing_tool(id).is_none());
    let rows: Vec<NewTool<'_>> = missing
        .map(|(tool, provider)| NewTool {
            tool,
            main: provider.main_variable(),
        })
        .collect();
    let rows = rows.as_slice();
    if !rows.is_empty() {
        let _ = lease
            .write(async |conn, fence| {
                instance_services::insert_intents(conn, fence, label, rows, Variables::AtStart)
                    .await
            })
            .await?;
    }
    Ok(())
}

/// Inserts the row of the instance, unless it has one. With a `limit`, only if there are fewer instances:
/// [`Written::NoRow`] otherwise.
pub(super) async fn insert_instance(
    lease: &Lease,
    plan: &Plan,
    limit: Option<u32>,
) -> Result<Written, StepError> {
    let app = lease.app();
    let label = app.providers().context().mark().label(&plan.instance);
    let key = runtime_key::seal(app.cipher(), &plan.instance, &plan.runtime_key)?;
    let new = NewInstance {
        infra: plan.recipe.infra.id(),
        label: &label,
        runtime_key: &key,
    };
    let written = lease.write(async |conn, fence| match limit {
        Some(max) => instance_infra::insert_new(conn, fence, new, max).await,
        None => instance_infra::insert_intent(conn, fence, new).await,
    });
    Ok(written.await?)
}

async fn create_infra(lease: &Lease, plan: &Plan) -> Result<CreatedInfra, StepError> {
    let Plan { instance, spec, .. } = plan;
    let create = plan.recipe.infra.create(instance, plan.attempt, spec);
    let mut created = create.await?;
    created.handle.options.clone_from(&spec.options);
    let recorded = &created;
    let written =
        lease.write(async |conn, fence| instance_infra::record_made(conn, fence, recorded).await);
    written.await?.or_gone(instance)?;
    Ok(created)
}

/// A tool that the instance has keeps its secret: it is not provisioned again.
async fn provision(lease: &Lease, plan: &Plan, tool: &Tool) -> Result<ReadyTool, StepError> {
    if let Some((row, resource)) = plan.existing_tool(tool.id()) {
        let cipher = lease.app().cipher();
        return Ok(ReadyTool {
            resource: resource.clone(),
            env: row.env.open(cipher, &plan.instance, tool.id())?,
        });
    }
    provision_and_record(lease, tool, plan.attempt, &ToolOptions::new()).await
}

async fn start(
    lease: &Lease,
    plan: &Plan,
    infra: &CreatedInfra,
    tools: &[(ToolId, ReadyTool)],
) -> Result<MadeFrom, StepError> {
    let made_from = plan.recipe.describe(lease.app()).await?;
    let tools = tools.iter().map(|(_, tool)| tool.env.clone());
    let variables = plan.variables(tools);
    plan.recipe
        .infra
        .configure(&infra.handle, &variables, Redeploy::Yes)
        .await?;
    let recorded = &made_from;
    let written = lease
        .write(async |conn, fence| instance_infra::record_started(conn, fence, recorded).await);
    written.await?.or_gone(&plan.instance)?;
    Ok(made_from)
}

fn first_failure<T>(plan: &Plan, results: Vec<Result<T, StepError>>) -> Result<Vec<T>, StepError> {
    let (done, failed): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let mut failures = failed.into_iter().filter_map(Result::err);
    let Some(first) = failures.next() else {
        return Ok(done.into_iter().filter_map(Result::ok).collect());
    };
    failures.for_each(|other| log_further_failure(plan, &other));
    Err(first)
}

/// Logs a failure that is not the returned one.
fn log_further_failure(plan: &Plan, error: &StepError) {
    let instance = &plan.instance;
    warn!(
        instance.id = %instance,
        error.chain = chain(error),
        "a further step of the creation of instance {instance} failed"
    );
}

fn failed_at<E: Into<StepError>>(step: CreateStep) -> impl Fn(E) -> StepFailure {
    move |cause| StepFailure {
        step,
        cause: cause.into(),
    }
}
