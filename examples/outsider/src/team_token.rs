//! The tool `team-token`, with which an instance proves to the team's other services that it belongs to the pool.

use std::sync::Arc;

use agent_pool_core::registry::ToolRegistration;
use agent_pool_core::settings::{self, Environment, SettingSpec, SettingsError};
use agent_pool_core::{
    Context, InstanceId, ListedResource, ProviderError, ProvisionedTool, ResourceId, Secret,
    ToolOptions, ToolProvider,
};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::Sha256;

const PREFIX: &str = "TEAM_TOKEN_";

inventory::submit! {
    ToolRegistration {
        id: "team-token",
        name: "Team token",
        mode: "derived-token",
        env_keys: &["TEAM_TOKEN"],
        crate_name: env!("CARGO_PKG_NAME"),
        settings: TeamToken::settings,
        build: TeamToken::build,
    }
}

/// Gives each instance the HMAC of its label.
#[derive(Debug, Deserialize, JsonSchema)]
struct TeamToken {
    /// Secret from which tokens are derived, and with which they are checked.
    secret: Secret,
}

impl TeamToken {
    fn settings() -> Vec<SettingSpec> {
        settings::describe::<Self>(PREFIX)
    }

    fn build(environment: &Environment) -> Result<Arc<dyn ToolProvider>, SettingsError> {
        Ok(Arc::new(settings::read::<Self>(PREFIX, environment)?))
    }

    fn token(&self, label: &str) -> Result<Secret, ProviderError> {
        let mac = Hmac::<Sha256>::new_from_slice(self.secret.expose().as_bytes());
        let mut mac = mac.map_err(|_| ProviderError::unsupported("a secret of this length"))?;
        mac.update(label.as_bytes());
        let token = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        Ok(Secret::new(token))
    }
}

#[async_trait]
impl ToolProvider for TeamToken {
    async fn provision(
        &self,
        cx: &Context,
        instance: &InstanceId,
        _: &ToolOptions,
    ) -> Result<ProvisionedTool, ProviderError> {
        let label = cx.mark().label(instance);
        ProvisionedTool::new(&label, [("TEAM_TOKEN", self.token(&label)?)])
    }

    /// There is nothing to remove.
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
