//! `POST /provision-local`.

use std::collections::BTreeMap;

use agent_pool_core::wire::services::LocalGrant;
use agent_pool_core::{EnvVars, InstanceId, ToolId, ToolOptions, chain};
use agent_pool_service_kit::db::DbError;
use futures_util::future::join_all;
use tracing::{info, instrument, warn};

use super::take_back;
use crate::app::App;
use crate::db::{Gone, local_grants};
use crate::ops::step::StepError;
use crate::ops::tear_down::TornDown;
use crate::ops::undo::Undo;
use crate::ops::wanted::{Unavailable, wanted_tools};
use crate::vendors::Tool;

/// Why a developer got no tools.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProvisionLocalError {
    /// A tool of the request cannot be had. Nothing was made.
    #[error(transparent)]
    Tool(#[from] Unavailable),
    /// Nothing was asked for.
    #[error("tools is empty: expected at least one")]
    NoTools,
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

/// How many times the longest call of a provider the making may take: itself, and the undo.
const LONGEST_CALLS: u32 = 2;

/// Makes tools for an instance id of their own, all or none.
#[instrument(name = "provision_local", skip_all, fields(instance.id))]
pub(crate) async fn provision_local(
    app: App,
    tools: Vec<ToolId>,
) -> Result<LocalGrant, ProvisionLocalError> {
    let tools = wanted_tools(&app, &tools)?;
    if tools.is_empty() {
        return Err(ProvisionLocalError::NoTools);
    }
    let instance = InstanceId::generate();
    tracing::Span::current().record("instance.id", instance.as_str());
    intend(&app, &instance, &tools).await?;
    match make(&app, &instance, &tools).await {
        Ok(grant) => {
            info!("local instance {instance} has its tools");
            Ok(grant)
        }
        Err(cause) => {
            let undo = Undo::of(&instance, undo(&app, &instance, &tools, &cause).await);
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

/// Where somebody took the row away, it is written again first: it tells what to take back.
async fn undo(
    app: &App,
    instance: &InstanceId,
    tools: &BTreeMap<ToolId, Tool>,
    cause: &StepError,
) -> Result<TornDown, DbError> {
    if matches!(cause, StepError::Gone(_)) {
        intend(app, instance, tools).await?;
    }
    take_back(app, instance).await
}

async fn intend(
    app: &App,
    instance: &InstanceId,
    tools: &BTreeMap<ToolId, Tool>,
) -> Result<(), DbError> {
    let names: Vec<&str> = tools.keys().map(ToolId::as_str).collect();
    let limit = app.config().provider_timeout() * LONGEST_CALLS;
    let mut conn = app.db().conn().await?;
    local_grants::intend(&mut conn, instance, &names, limit).await
}

/// All are awaited, also after a failure: what is in flight cannot be undone.
async fn make(
    app: &App,
    instance: &InstanceId,
    tools: &BTreeMap<ToolId, Tool>,
) -> Result<LocalGrant, StepError> {
    let options = ToolOptions::new();
    let made = join_all(
        tools
            .values()
            .map(|tool| tool.provision(instance, &options)),
    )
    .await;
    let mut env = EnvVars::new();
    for tool in made {
        env.merge(tool?.env);
    }
    let mut conn = app.db().conn().await?;
    let ttl = app.config().local_grant_ttl();
    let expires_at = local_grants::record_made(&mut conn, instance, ttl).await?;
    Ok(LocalGrant {
        instance_id: instance.clone(),
        env,
        expires_at: expires_at.ok_or_else(|| Gone(instance.clone()))?,
    })
}
