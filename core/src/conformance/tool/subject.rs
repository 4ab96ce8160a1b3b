use std::sync::Arc;

use async_trait::async_trait;

use crate::conformance::harness::{Harness, ToolHarness};
use crate::conformance::subject::{Subject, Tour};
use crate::layer::{LayerSettings, layered_tool};
use crate::settings::{Environment, SettingSpec, SettingsError};
use crate::{
    Context, InstanceId, ProviderError, ProvisionedTool, ResourceId, Secret, ToolProvider,
};

/// A tool provider for the shared cases.
pub(in crate::conformance) struct ToolSubject<'h> {
    pub(super) harness: &'h dyn ToolHarness,
    pub(super) provider: Arc<dyn ToolProvider>,
}

impl<'h> ToolSubject<'h> {
    pub(super) fn new(harness: &'h dyn ToolHarness) -> Result<Self, SettingsError> {
        let provider = harness.build(&harness.environment())?;
        Ok(Self { harness, provider })
    }

    pub(super) async fn provision(
        &self,
        cx: &Context,
        instance: &InstanceId,
    ) -> Result<ProvisionedTool, ProviderError> {
        let options = self.harness.options();
        self.provider.provision(cx, instance, &options).await
    }

    /// The variables of a tool that are secret, with their values.
    pub(super) fn secrets_of(&self, tool: &ProvisionedTool) -> Vec<(String, Secret)> {
        let public = self.harness.public_env();
        let secret = tool
            .env
            .iter()
            .filter(|(name, _)| !public.contains(&name.as_str()));
        secret
            .map(|(name, value)| (name.to_string(), value.clone()))
            .collect()
    }
}

#[async_trait]
impl Subject for ToolSubject<'_> {
    type Ref = (InstanceId, ResourceId);
    const MAKE: &'static str = "provision";

    fn harness(&self) -> &dyn Harness {
        self.harness
    }

    fn settings(&self) -> Vec<SettingSpec> {
        (self.harness.registration().settings)()
    }

    fn rebuilt(&self, environment: &Environment) -> Result<Self, SettingsError> {
        let provider = self.harness.build(environment)?;
        Ok(Self { provider, ..*self })
    }

    fn layered(&self) -> Result<Self, SettingsError> {
        let registration = self.harness.registration();
        let (id, own) = (registration.id, (registration.settings)());
        let layers = LayerSettings::read_with(id, &own, &self.harness.environment())?;
        let id = id
            .parse()
            .map_err(|error| SettingsError::fault(id, format!("{error}")))?;
        let provider = layered_tool(&id, layers, Arc::clone(&self.provider));
        Ok(Self { provider, ..*self })
    }

    fn debug_output(&self) -> String {
        format!("{:?}", self.provider)
    }

    async fn make(&self, cx: &Context, instance: &InstanceId) -> Result<Self::Ref, ProviderError> {
        let tool = self.provision(cx, instance).await?;
        Ok((instance.clone(), tool.resource))
    }

    async fn remove(&self, cx: &Context, made: &Self::Ref) -> Result<(), ProviderError> {
        self.provider.destroy(cx, &made.0, &made.1).await
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Self::Ref>, ProviderError> {
        let listed = self.provider.list(cx).await?;
        Ok(listed
            .into_iter()
            .map(|one| (one.instance, one.resource))
            .collect())
    }

    async fn verify(&self, cx: &Context) -> Option<Result<(), ProviderError>> {
        if !self.provider.capabilities().verify {
            return None;
        }
        Some(self.provider.verify(cx).await)
    }

    async fn call_all_operations(
        &self,
        cx: &Context,
        instance: &InstanceId,
    ) -> Result<Tour, ProviderError> {
        let tool = self.provision(cx, instance).await?;
        let declared = self.provider.capabilities();
        if declared.usage {
            self.provider.usage(cx, &tool.resource).await?;
        }
        if declared.update {
            let options = self.harness.options();
            self.provider.update(cx, &tool.resource, &options).await?;
        }
        if declared.verify {
            self.provider.verify(cx).await?;
        }
        let listed = self.provider.list(cx).await?;
        Ok(Tour {
            shown: vec![
                ("the Debug of a provisioned tool", format!("{tool:?}")),
                ("the Debug of a list", format!("{listed:?}")),
            ],
            secrets: self.secrets_of(&tool),
        })
    }

    fn instance(made: &Self::Ref) -> &InstanceId {
        &made.0
    }

    fn id(made: &Self::Ref) -> &str {
        made.1.as_str()
    }

    fn with_id(&self, made: &Self::Ref, id: String) -> Option<Self::Ref> {
        Some((made.0.clone(), id.try_into().ok()?))
    }
}
