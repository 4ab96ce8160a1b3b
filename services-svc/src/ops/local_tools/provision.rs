//! `POST /provision-local`.

use std::collections::BTreeMap;
use std::time::Duration;

use agent_pool_core::wire::services::LocalGrant;
use agent_pool_core::{Attempt, EnvVars, InstanceId, ToolId, ToolOptions, chain};
use agent_pool_service_kit::db::DbError;
use futures_util::future::join_all;
use tracing::{info, instrument, warn};

use super::destroy_grant;
use crate::app::App;
use crate::db::RowGone;
use crate::db::local_grants::{self, Fits, Limits};
use crate::ops::requested_tools::{UnavailableTool, resolve_tools};
use crate::ops::step_error::StepError;
use crate::ops::tear_down::{TearDown, Undo};
use crate::providers::Tool;

/// Why a grant was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProvisionLocalError {
    /// A tool of the request is not available. Nothing was made.
    #[error(transparent)]
    Tool(#[from] UnavailableTool),
    /// The request names no tool.
    #[error("tools is empty: expected at least one")]
    NoTools,
    /// A limit of grants is reached. Nothing was done.
    #[error(
        "the limit of local grants is reached: LOCAL_GRANT_MAX allows {} at once, LOCAL_GRANTS_PER_HOUR {} an hour",
        .0.max, .0.per_hour
    )]
    Limit(Limits),
    /// The vendors or the rows failed.
    #[error("local instance {instance} got no tools; {undo}")]
    Failed {
        instance: InstanceId,
        #[source]
        cause: StepError,
        undo: Undo,
    },
    /// The row could not be written. Nothing was done.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// The time limit of a request, in units of the longest provider call: one to make the tools, one to undo them.
const LONGEST_CALLS: u32 = 2;

/// Makes tools for a new instance id, all or none.
#[instrument(name = "provision_local", skip_all, fields(instance.id))]
pub(crate) async fn provision_local(
    app: App,
    tools: Vec<ToolId>,
) -> Result<LocalGrant, ProvisionLocalError> {
    let tools = resolve_tools(&app, &tools)?;
    if tools.is_empty() {
        return Err(ProvisionLocalError::NoTools);
    }
    let instance = InstanceId::generate();
    tracing::Span::current().record("instance.id", instance.as_str());
    reserve(&app, &instance, &tools).await?;
    match make(&app, &instance, &tools).await {
        Ok(grant) => {
            info!("local instance {instance} has its tools");
            Ok(grant)
        }
        Err(cause) => {
            let undo = Undo::new(&instance, undo(&app, &instance, &tools, &cause).await);
            warn!(
                error.chain = chain(&cause),
                "local instance {instance} got no tools; {undo}"
            );
            Err(ProvisionLocalError::Failed {
                instance,
                cause,
                undo,
            })
        }
    }
}

/// If the row was deleted meanwhile, it is inserted again first, because it says what to destroy.
async fn undo(
    app: &App,
    instance: &InstanceId,
    tools: &BTreeMap<ToolId, Tool>,
    cause: &StepError,
) -> Result<TearDown, DbError> {
    if matches!(cause, StepError::RowGone(_)) {
        let mut conn = app.db().conn().await?;
        local_grants::insert(&mut conn, instance, &names(tools), provisional_ttl(app)).await?;
    }
    destroy_grant(app, instance).await
}

/// Inserts the row of a new grant, within the limits.
async fn reserve(
    app: &App,
    instance: &InstanceId,
    tools: &BTreeMap<ToolId, Tool>,
) -> Result<(), ProvisionLocalError> {
    let limits = app.config().limits.grants();
    let mut conn = app.db().conn().await?;
    let (names, ttl) = (names(tools), provisional_ttl(app));
    match local_grants::insert_within(&mut conn, instance, &names, ttl, limits).await? {
        Fits::Yes => Ok(()),
        Fits::TooMany => Err(ProvisionLocalError::Limit(limits)),
    }
}

fn names(tools: &BTreeMap<ToolId, Tool>) -> Vec<&str> {
    tools.keys().map(ToolId::as_str).collect()
}

/// How long a grant lasts until its tools are made.
fn provisional_ttl(app: &App) -> Duration {
    app.config().provider_timeout() * LONGEST_CALLS
}

/// All calls are awaited even after a failure, because a call in flight cannot be undone.
async fn make(
    app: &App,
    instance: &InstanceId,
    tools: &BTreeMap<ToolId, Tool>,
) -> Result<LocalGrant, StepError> {
    let options = ToolOptions::new();
    let calls = tools.values();
    let calls = calls.map(|tool| tool.provision(instance, Attempt::First, &options));
    let mut env = EnvVars::new();
    for made in join_all(calls).await {
        env.merge(made?.env);
    }
    let mut conn = app.db().conn().await?;
    let ttl = app.config().local_grant_ttl();
    let expires_at = local_grants::record_made(&mut conn, instance, ttl).await?;
    Ok(LocalGrant {
        instance_id: instance.clone(),
        env,
        expires_at: expires_at.ok_or_else(|| RowGone(instance.clone()))?,
    })
}
