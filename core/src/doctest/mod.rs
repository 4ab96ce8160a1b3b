//! What the examples and tests of this crate are about: the smallest providers there are, and a vendor.

mod harness;
mod infra;
mod tool;
mod vendor;

use std::sync::Arc;

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::http;
use crate::registry::ToolRegistration;
use crate::settings::{self, Environment, SettingSpec, SettingsError};
use crate::{
    Context, InstanceId, ListedResource, Mark, ProviderError, ProvisionedTool, ResourceId, Secret,
    ToolOptions, ToolProvider,
};

pub use harness::AtNothing;
pub use infra::Elsewhere;
pub use vendor::{Vendor, echo, run, vendor};

/// A tool without a vendor: its resource is the label itself.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Acme {
    /// The account's key.
    api_key: Secret,
}

/// The surroundings of a call in the environment `dev`.
///
/// # Panics
/// When this machine has no TLS roots.
#[must_use]
#[expect(clippy::unwrap_used, reason = "an example cannot go on without")]
pub fn cx() -> Context {
    Context::new(Mark::new(&"dev".parse().unwrap()), http::client().unwrap())
}

impl Acme {
    const PREFIX: &str = "ACME_";

    /// What its crate would submit.
    pub const REGISTRATION: ToolRegistration = ToolRegistration {
        id: "acme",
        name: "Acme",
        mode: "per-instance-key",
        env_keys: &["ACME_KEY"],
        crate_name: "provider-acme",
        settings: Self::settings,
        build: Self::build,
    };

    /// The provider, with the key `sk-123`.
    ///
    /// # Panics
    /// Never: its settings are there.
    #[must_use]
    #[expect(clippy::unwrap_used, reason = "an example cannot go on without")]
    pub fn built() -> Arc<dyn ToolProvider> {
        Self::build(&Environment::from_iter([("ACME_API_KEY", "sk-123")])).unwrap()
    }

    /// The reference of its settings.
    #[must_use]
    pub fn settings() -> Vec<SettingSpec> {
        settings::describe::<Self>(Self::PREFIX)
    }

    /// Reads the settings and makes the provider.
    ///
    /// # Errors
    /// When `ACME_API_KEY` is not set.
    pub fn build(environment: &Environment) -> Result<Arc<dyn ToolProvider>, SettingsError> {
        Ok(Arc::new(settings::read::<Self>(Self::PREFIX, environment)?))
    }
}

#[async_trait]
impl ToolProvider for Acme {
    async fn provision(
        &self,
        cx: &Context,
        instance: &InstanceId,
        _: &ToolOptions,
    ) -> Result<ProvisionedTool, ProviderError> {
        let resource = cx.mark().label(instance).parse().map_err(|error| {
            ProviderError::new(crate::ErrorKind::Protocol, "unusable label").with_source(error)
        })?;
        Ok(ProvisionedTool {
            resource,
            env: [("ACME_KEY".parse(), self.api_key.clone())]
                .into_iter()
                .filter_map(|(name, value)| Some((name.ok()?, value)))
                .collect(),
            metadata: ToolOptions::new(),
        })
    }

    async fn destroy(
        &self,
        _: &Context,
        _: &InstanceId,
        _: &ResourceId,
    ) -> Result<(), ProviderError> {
        Ok(())
    }

    async fn list(&self, _: &Context) -> Result<Vec<ListedResource>, ProviderError> {
        Ok(Vec::new())
    }
}
