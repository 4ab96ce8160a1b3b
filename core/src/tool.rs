//! Tools: what an instance is given, such as an LLM key, a mailbox or a phone number.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Context, EnvVars, InstanceId, ProviderError, ResourceId};

/// Makes and removes one kind of tool. Used as `Arc<dyn ToolProvider>`.
///
/// Every operation is idempotent on the instance, and a call may be cancelled at any point by
/// dropping its future; the next call then goes on from what is there.
#[async_trait]
pub trait ToolProvider: fmt::Debug + Send + Sync {
    /// Which optional operations are real.
    fn capabilities(&self) -> ToolCapabilities {
        ToolCapabilities::default()
    }

    /// Makes the tool of one instance.
    ///
    /// **Contract**
    /// - Called again for the same instance it answers the resource that is there, found by its
    ///   label or client id; never does a second one come to be.
    /// - Where the vendor shows a secret only once, the resource that is there is deleted and made anew.
    /// - A create that is not idempotent at the vendor and whose answer was lost is not repeated
    ///   blindly: it looks up first.
    /// - Secrets leave only in [`ProvisionedTool::env`].
    async fn provision(
        &self,
        cx: &Context,
        instance: &InstanceId,
        options: &ToolOptions,
    ) -> Result<ProvisionedTool, ProviderError>;

    /// Removes the tool of one instance.
    ///
    /// **Contract**
    /// - A resource that is already gone is a success.
    /// - A refusal that could mean "gone" or "not allowed" is looked into before it counts as gone.
    async fn destroy(
        &self,
        cx: &Context,
        instance: &InstanceId,
        resource: &ResourceId,
    ) -> Result<(), ProviderError>;

    /// Every resource at the vendor that bears this environment's mark.
    ///
    /// **Contract**
    /// - Follows the vendor's pages to their end.
    /// - Leaves out what the vendor is already deleting.
    async fn list(&self, cx: &Context) -> Result<Vec<ListedResource>, ProviderError>;

    /// What the resource has used so far.
    async fn usage(&self, _: &Context, _: &ResourceId) -> Result<Usage, ProviderError> {
        Err(ProviderError::unsupported("usage"))
    }

    /// Changes the options of a resource that is there.
    async fn update(
        &self,
        _: &Context,
        _: &ResourceId,
        _: &ToolOptions,
    ) -> Result<(), ProviderError> {
        Err(ProviderError::unsupported("update"))
    }

    /// Checks the credentials with a call that changes nothing.
    async fn verify(&self, _: &Context) -> Result<(), ProviderError> {
        Err(ProviderError::unsupported("verify"))
    }
}

/// Which optional operations of a [`ToolProvider`] are real.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ToolCapabilities {
    /// [`ToolProvider::usage`].
    pub usage: bool,
    /// [`ToolProvider::update`].
    pub update: bool,
    /// [`ToolProvider::verify`].
    pub verify: bool,
}

/// What a caller may ask of one tool beyond the provider's settings; each provider documents its own.
pub type ToolOptions = Map<String, Value>;

/// A tool that an instance now has.
#[derive(Debug, Clone, PartialEq)]
pub struct ProvisionedTool {
    /// The resource, in the vendor's words.
    pub resource: ResourceId,
    /// The variables to set on the instance. Their names are those of the registration.
    pub env: EnvVars,
    /// What people may want to see of it. No secrets.
    pub metadata: Map<String, Value>,
}

/// One resource as its vendor lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedResource {
    /// The resource, in the vendor's words.
    pub resource: ResourceId,
    /// Whose it is, by its mark.
    pub instance: InstanceId,
    /// When the vendor says that it was made; `None` where the vendor does not say.
    pub created_at: Option<DateTime<Utc>>,
}

/// What a resource has used so far, as pairs of a measure with its unit and a number, such as
/// `("usd", 1.25)`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage(pub std::collections::BTreeMap<String, f64>);
