use std::sync::Arc;

use async_trait::async_trait;

use crate::conformance::harness::{Harness, InfraHarness};
use crate::conformance::subject::{Subject, Tour};
use crate::layer::{LayerSettings, layered_infra};
use crate::settings::{Environment, SettingSpec, SettingsError};
use crate::{
    Context, EnvVars, InfraHandle, InfraProvider, InstanceId, ProviderError, Redeploy, Secret,
};

/// An infra provider for the shared cases.
pub(in crate::conformance) struct InfraSubject<'h> {
    pub(super) harness: &'h dyn InfraHarness,
    pub(super) provider: Arc<dyn InfraProvider>,
}

impl<'h> InfraSubject<'h> {
    pub(super) fn new(harness: &'h dyn InfraHarness) -> Result<Self, SettingsError> {
        let provider = harness.build(&harness.environment())?;
        Ok(Self { harness, provider })
    }
}

/// Variables with these names and values.
pub(super) fn vars(pairs: &[(&str, &str)]) -> EnvVars {
    let named = pairs
        .iter()
        .filter_map(|(name, value)| Some((name.parse().ok()?, Secret::new(*value))));
    named.collect()
}

#[async_trait]
impl Subject for InfraSubject<'_> {
    type Ref = InfraHandle;
    const MAKE: &'static str = "create";

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
        let id = self.harness.registration().id;
        let layers = LayerSettings::read(id, &self.harness.environment())?;
        let id = id
            .parse()
            .map_err(|error| SettingsError::fault(id, format!("{error}")))?;
        let provider = layered_infra(&id, layers, Arc::clone(&self.provider));
        Ok(Self { provider, ..*self })
    }

    fn debug_output(&self) -> String {
        format!("{:?}", self.provider)
    }

    async fn make(&self, cx: &Context, instance: &InstanceId) -> Result<Self::Ref, ProviderError> {
        let created = self
            .provider
            .create(cx, instance, &self.harness.spec())
            .await?;
        Ok(created.handle)
    }

    async fn remove(&self, cx: &Context, made: &Self::Ref) -> Result<(), ProviderError> {
        self.provider.destroy(cx, made).await
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Self::Ref>, ProviderError> {
        let listed = self.provider.list(cx).await?;
        Ok(listed.into_iter().map(|one| one.handle).collect())
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
        const VALUE: &str = "conformance-secret-5f1c";
        let provider = &self.provider;
        let created = provider.create(cx, instance, &self.harness.spec()).await?;
        let handle = &created.handle;
        let variables = vars(&[("CONFORMANCE_SECRET", VALUE)]);
        provider
            .configure(cx, handle, &variables, Redeploy::Yes)
            .await?;
        provider.redeploy(cx, handle).await?;
        let declared = provider.capabilities();
        if declared.logs {
            provider.logs(cx, handle, 10).await?;
        }
        if declared.verify {
            provider.verify(cx).await?;
        }
        let listed = provider.list(cx).await?;
        Ok(Tour {
            shown: vec![
                ("the Debug of a created infra", format!("{created:?}")),
                ("the Debug of a list", format!("{listed:?}")),
            ],
            secrets: vec![("CONFORMANCE_SECRET".to_owned(), Secret::new(VALUE))],
        })
    }

    fn instance(made: &Self::Ref) -> &InstanceId {
        &made.instance
    }

    fn id(made: &Self::Ref) -> &str {
        made.service.as_str()
    }

    /// Drops the vendor's other IDs from the handle data, because they would still identify the resources.
    fn with_id(&self, made: &Self::Ref, id: String) -> Option<Self::Ref> {
        Some(InfraHandle {
            instance: InstanceId::generate(),
            service: id.try_into().ok()?,
            image: made.image.clone(),
            options: made.options.clone(),
            data: self.harness.data_of_unknown(made.data.clone()),
        })
    }
}
