//! A resource that a provider lists, with the means to destroy it.

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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Tool,
    Infra,
}

/// One resource that a provider lists.
#[derive(Debug)]
pub(super) enum Listed {
    Resource(Tool, ListedResource),
    Service(Infra, Box<ListedInstance>),
}

/// Identifies a provider, as rows do. A tool and an infra may have the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key<'a> {
    pub(super) kind: Kind,
    pub(super) provider: &'a str,
    pub(super) id: &'a str,
}

impl Provider {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Tool(tool) => tool.id().as_str(),
            Self::Infra(infra) => infra.id().as_str(),
        }
    }

    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Tool(_) => Kind::Tool,
            Self::Infra(_) => Kind::Infra,
        }
    }

    pub(super) async fn list(&self) -> Result<Vec<Listed>, ProviderError> {
        match self {
            Self::Tool(tool) => {
                let listed = tool.list().await?.into_iter();
                Ok(listed
                    .map(|one| Listed::Resource(tool.clone(), one))
                    .collect())
            }
            Self::Infra(infra) => {
                let listed = infra.list().await?.into_iter();
                Ok(listed
                    .map(|one| Listed::Service(infra.clone(), Box::new(one)))
                    .collect())
            }
        }
    }
}

impl Listed {
    pub(super) fn key(&self) -> Key<'_> {
        match self {
            Self::Resource(tool, one) => Key {
                kind: Kind::Tool,
                provider: tool.id().as_str(),
                id: one.resource.as_str(),
            },
            Self::Service(infra, one) => Key {
                kind: Kind::Infra,
                provider: infra.id().as_str(),
                id: one.handle.service.as_str(),
            },
        }
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

    /// The entry in the report.
    pub(super) fn to_orphan(&self, destroyed: bool) -> Orphan {
        let key = self.key();
        Orphan {
            provider: key.provider.to_owned(),
            resource_id: key.id.to_owned(),
            instance_id: self.instance().clone(),
            created_at: self.created_at(),
            destroyed,
            foreign: false,
        }
    }
}
