//! `GET /instances/:instanceId`: everything known about one instance, without secrets.

use std::time::Duration;

use agent_pool_core::InstanceId;
use agent_pool_core::wire::services::{
    Document, InstanceDetails, InstanceInfraDetails, InstancePhase, InstanceToolDetails,
};
use agent_pool_service_kit::db::DbError;
use futures_util::future::join_all;

use super::document::document;
use super::precondition::PreconditionError;
use super::usage::usage;
use crate::app::App;
use crate::db::instance_infra::{self, InstanceInfra};
use crate::db::instance_leases;
use crate::db::instance_services::{self, InstanceTool};

/// How long a vendor may take to report the usage of a resource before it is left out.
const USAGE_WITHIN: Duration = Duration::from_secs(2);

/// Why an instance cannot be described.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstanceError {
    /// It has no row.
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// The rows could not be read.
    #[error(transparent)]
    Database(#[from] DbError),
}

pub(crate) async fn instance(
    app: &App,
    instance: InstanceId,
) -> Result<InstanceDetails, InstanceError> {
    let mut conn = app.db().conn().await?;
    let infra = instance_infra::find(&mut conn, &instance).await?;
    let infra = infra.ok_or_else(|| PreconditionError::Unknown(instance.clone()))?;
    let tools = instance_services::load(&mut conn, &instance).await?;
    let busy = instance_leases::is_held(&mut conn, &instance).await?;
    drop(conn);
    let mut details = InstanceDetails {
        instance_id: instance,
        busy,
        made_from: infra.made_from.clone(),
        infra: describe(infra),
        tools: join_all(tools.into_iter().map(|tool| describe_tool(app, tool))).await,
        document: Document::default(),
    };
    details.document = document(&details);
    Ok(details)
}

fn describe(infra: InstanceInfra) -> InstanceInfraDetails {
    let phase = match (infra.destroying, infra.started) {
        (true, _) => InstancePhase::Destroying,
        (false, true) => InstancePhase::Made,
        (false, false) => InstancePhase::Creating,
    };
    InstanceInfraDetails {
        provider: infra.infra,
        phase,
        service_id: infra.made.as_ref().map(|handle| handle.service.clone()),
        image: infra.made.and_then(|handle| handle.image),
        image_digest: infra.image_digest,
        url: infra.url,
        deploy_status: infra.deploy_status,
        deploy_detail: infra.deploy_detail,
        created_at: infra.created_at,
    }
}

async fn describe_tool(app: &App, tool: InstanceTool) -> InstanceToolDetails {
    InstanceToolDetails {
        usage: usage(app, &tool, USAGE_WITHIN).await,
        tool_id: tool.tool,
        resource_id: tool.made,
        metadata: tool.metadata,
        status: tool.status,
        created_at: tool.created_at,
    }
}
