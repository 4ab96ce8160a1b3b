//! What one provider has, with the means to destroy it.

use agent_pool_core::wire::services::Orphan;
use agent_pool_core::{InstanceId, ListedInstance, ListedResource, ProviderError};
use chrono::{DateTime, Utc};

use crate::providers::{Infra, Tool};

/// A provider of either kind.
#[derive(Debug, Clone)]
pub(super) enum Provider {
    Tool(Tool),
    Infra(Infra),
}

/// One thing that a provider lists.
#[derive(Debug)]
pub(super) enum Found {
    Resource(Tool, ListedResource),
    Service(Infra, ListedInstance),
}

impl Provider {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Tool(tool) => tool.id().as_str(),
            Self::Infra(infra) => infra.id().as_str(),
        }
    }

    pub(super) const fn as_tool(&self) -> Option<&Tool> {
        match self {
            Self::Tool(tool) => Some(tool),
            Self::Infra(_) => None,
        }
    }

    pub(super) async fn list(&self) -> Result<Vec<Found>, ProviderError> {
        match self {
            Self::Tool(tool) => {
                let listed = tool.list().await?.into_iter();
                Ok(listed
                    .map(|one| Found::Resource(tool.clone(), one))
                    .collect())
            }
            Self::Infra(infra) => {
                let listed = infra.list().await?.into_iter();
                Ok(listed
                    .map(|one| Found::Service(infra.clone(), one))
                    .collect())
            }
        }
    }
}

impl Found {
    /// Whether it is a tool's, whose, and its id: as rows name it.
    pub(super) fn key(&self) -> (bool, &str, &str) {
        match self {
            Self::Resource(tool, one) => (true, tool.id().as_str(), one.resource.as_str()),
            Self::Service(infra, one) => (false, infra.id().as_str(), one.handle.service.as_str()),
        }
    }

    /// Whether it is where an instance runs.
    pub(super) const fn is_service(&self) -> bool {
        matches!(self, Self::Service(..))
    }

    pub(super) const fn instance(&self) -> &InstanceId {
        match self {
            Self::Resource(_, one) => &one.instance,
            Self::Service(_, one) => &one.handle.instance,
        }
    }

    pub(super) const fn created_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Resource(_, one) => one.created_at,
            Self::Service(_, one) => one.created_at,
        }
    }

    pub(super) async fn destroy(&self) -> Result<(), ProviderError> {
        match self {
            Self::Resource(tool, one) => tool.destroy(&one.instance, &one.resource).await,
            Self::Service(infra, one) => infra.destroy(&one.handle).await,
        }
    }

    /// As the report shows it.
    pub(super) fn orphan(&self, destroyed: bool) -> Orphan {
        let (_, provider, resource) = self.key();
        Orphan {
            provider: provider.to_owned(),
            resource_id: resource.to_owned(),
            instance_id: self.instance().clone(),
            created_at: self.created_at(),
            destroyed,
        }
    }
}
