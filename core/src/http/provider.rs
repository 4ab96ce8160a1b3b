//! The [`ToolProvider`] of every [`HttpTool`].

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use tracing::warn;

use super::{Api, HttpTool, OnRepeat, VendorHttp, VendorResource};
use crate::layer::prefix_of;
use crate::settings::{self, Environment, SettingSpec, SettingsError};
use crate::{
    Attempt, Context, Effect, ErrorKind, InstanceId, ListedResource, Metadata, ProviderError,
    ProvisionedTool, ResourceId, ToolCapabilities, ToolOptions, ToolProvider, Usage,
    absent_is_done, read_options,
};

/// The specs of a tool's settings.
pub(crate) fn describe<T: HttpTool>() -> Vec<SettingSpec> {
    settings::describe::<T>(&prefix_of(T::ID))
}

/// Reads a tool's settings and builds its provider.
///
/// # Errors
/// Every setting that is missing or wrong.
pub(crate) fn build<T: HttpTool>(
    environment: &Environment,
) -> Result<Arc<dyn ToolProvider>, SettingsError> {
    let tool: T = settings::read(&prefix_of(T::ID), environment)?;
    let vendor = tool.vendor()?.named(T::ID);
    Ok(Arc::new(HttpProvider { tool, vendor }))
}

#[derive(Debug)]
struct HttpProvider<T> {
    tool: T,
    vendor: VendorHttp,
}

impl<T: HttpTool> HttpProvider<T> {
    async fn delete_all(&self, api: Api<'_>, label: &str) -> Result<(), ProviderError> {
        let mut resources = self.tool.list(api).await?;
        resources.retain(|one| one.label == label);
        for VendorResource { id, .. } in unique(resources) {
            absent_is_done(self.tool.delete(api, label, &id).await)?;
        }
        Ok(())
    }

    /// Creates the resource. A later attempt first deletes the resource of an earlier one. If the vendor may have
    /// created a resource whose secret did not reach us, it is deleted again.
    async fn replace(
        &self,
        api: Api<'_>,
        label: &str,
        options: T::Options,
    ) -> Result<ProvisionedTool, ProviderError> {
        match api.cx().attempt() {
            Attempt::First => {}
            Attempt::Later => self.delete_all(api, label).await?,
        }
        let created = self.tool.create(api, label, options).await;
        if let Err(error) = &created
            && error.effect() == Effect::Unknown
            && let Err(second) = self.delete_all(api, label).await
        {
            warn!(error = %second, "a resource with the label {label} may remain until the next sweep");
        }
        created
    }
}

#[async_trait]
impl<T: HttpTool> ToolProvider for HttpProvider<T> {
    fn capabilities(&self) -> ToolCapabilities {
        T::CAPABILITIES
    }

    async fn provision(
        &self,
        cx: &Context,
        instance: &InstanceId,
        options: &ToolOptions,
    ) -> Result<ProvisionedTool, ProviderError> {
        let options: T::Options = read_options(options)?;
        let (api, label) = (self.vendor.on(cx), cx.mark().label(instance));
        match T::ON_REPEAT {
            OnRepeat::Replace => self.replace(api, &label, options).await,
            OnRepeat::Adopt => self.tool.create(api, &label, options).await,
        }
    }

    async fn destroy(
        &self,
        cx: &Context,
        instance: &InstanceId,
        resource: &ResourceId,
    ) -> Result<(), ProviderError> {
        let (api, label) = (self.vendor.on(cx), cx.mark().label(instance));
        match self.tool.delete(api, &label, resource.as_str()).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.tool.confirm_absent(api).await
            }
            result => result,
        }
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedResource>, ProviderError> {
        let mut resources = self.tool.list(self.vendor.on(cx)).await?;
        resources.retain(|one| cx.mark().instance(&one.label).is_some());
        let resources = unique(resources);
        let ours = resources.iter().filter_map(|one| {
            ListedResource::marked(cx, &one.label, &one.id, one.created_at.as_deref())
        });
        ours.collect()
    }

    async fn usage(&self, cx: &Context, resource: &ResourceId) -> Result<Usage, ProviderError> {
        self.tool.usage(self.vendor.on(cx), resource.as_str()).await
    }

    async fn update(
        &self,
        cx: &Context,
        resource: &ResourceId,
        options: &ToolOptions,
    ) -> Result<(), ProviderError> {
        let api = self.vendor.on(cx);
        self.tool.update(api, resource.as_str(), options).await
    }

    async fn refresh(&self, cx: &Context) -> Result<Vec<(ResourceId, Metadata)>, ProviderError> {
        let refreshed = self.tool.refresh(self.vendor.on(cx)).await?.into_iter();
        let typed = |(id, metadata): (String, Metadata)| Some((id.parse().ok()?, metadata));
        Ok(refreshed.filter_map(typed).collect())
    }

    fn notices(&self) -> Vec<String> {
        self.tool.notices()
    }

    async fn verify(&self, cx: &Context) -> Result<(), ProviderError> {
        self.tool.verify(self.vendor.on(cx)).await
    }
}

/// Removes duplicates: pages shift while resources are created and deleted, so a resource may be on two pages.
fn unique(mut resources: Vec<VendorResource>) -> Vec<VendorResource> {
    let mut seen = HashSet::new();
    resources.retain(|one| seen.insert(one.id.clone()));
    resources
}
