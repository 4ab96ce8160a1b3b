//! An infra provider.

use std::sync::Arc;

use agent_pool_core::settings::{Environment, SettingsError};
use agent_pool_core::{
    Context, CreatedInfra, EnvVars, InfraHandle, InfraProvider, InstanceId, InstanceSpec,
    ListedInstance, ProviderError, Redeploy,
};
use async_trait::async_trait;

use crate::vendor::{id, unknown};
use crate::{Service, Settings, Vendor};

/// Pretends to run instances, in memory.
#[derive(Debug)]
pub struct MockInfra {
    settings: Settings,
    vendor: Vendor<Service>,
}

impl MockInfra {
    /// A provider whose vendor has nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let vendor = Vendor::new(&settings);
        Self { settings, vendor }
    }

    /// Reads the settings and makes the provider.
    ///
    /// # Errors
    /// A variable is malformed.
    pub fn build(environment: &Environment) -> Result<Arc<dyn InfraProvider>, SettingsError> {
        Ok(Arc::new(Self::new(Settings::read(environment)?)))
    }

    /// The vendor, to look into it and to make it slow or fail.
    #[must_use]
    pub const fn vendor(&self) -> &Vendor<Service> {
        &self.vendor
    }
}

#[async_trait]
impl InfraProvider for MockInfra {
    async fn create(
        &self,
        cx: &Context,
        instance: &InstanceId,
        _: &InstanceSpec,
    ) -> Result<CreatedInfra, ProviderError> {
        // The name follows from the instance, so a repeated call finds the existing service.
        let name = cx.mark().label(instance);
        let handle = handle(&name, instance)?;
        let make = self.vendor.call(cx, |all| _ = all.entry(name).or_default());
        make.await?;
        let url = self.settings.instance_url.clone();
        Ok(CreatedInfra { handle, url })
    }

    async fn configure(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        variables: &EnvVars,
        redeploy: Redeploy,
    ) -> Result<(), ProviderError> {
        let configure = |service: &mut Service| {
            service.variables.merge(variables.clone());
            if redeploy == Redeploy::Yes {
                service.deploy();
            }
        };
        let name = handle.service.as_str();
        let found = self.vendor.call(cx, |all| all.get_mut(name).map(configure));
        found.await?.ok_or_else(unknown)
    }

    async fn redeploy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        self.configure(cx, handle, &EnvVars::new(), Redeploy::Yes)
            .await
    }

    async fn destroy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        // Destroying what no longer exists succeeds.
        let name = handle.service.as_str();
        self.vendor.call(cx, |all| _ = all.remove(name)).await
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedInstance>, ProviderError> {
        let services = self.vendor.call(cx, |all| all.clone()).await?;
        let listed = |(name, service): (String, Service)| {
            // The vendor may have resources of others; the mark identifies ours.
            let instance = cx.mark().instance(&name)?;
            Some(handle(&name, &instance).map(|handle| ListedInstance {
                handle,
                status: service.status(),
                detail: None,
                url: Some(self.settings.instance_url.clone()),
                created_at: None,
                image_digest: None,
            }))
        };
        services.into_iter().filter_map(listed).collect()
    }
}

fn handle(name: &str, instance: &InstanceId) -> Result<InfraHandle, ProviderError> {
    Ok(InfraHandle::new(instance.clone(), id(name)?))
}
