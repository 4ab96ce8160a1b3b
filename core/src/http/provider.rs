//! The provider that is made of an [`HttpTool`]: what all of them do alike.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use tracing::warn;

use super::{Api, Found, HttpTool, OnRepeat, VendorHttp};
use crate::layer::prefix_of;
use crate::settings::{self, Environment, SettingSpec, SettingsError};
use crate::{
    Attempt, Context, Effect, ErrorKind, InstanceId, ListedResource, ProviderError,
    ProvisionedTool, ResourceId, ToolCapabilities, ToolOptions, ToolProvider, Usage,
    absent_is_done, read_options,
};

/// The reference of a tool's settings.
pub(crate) fn describe<T: HttpTool>() -> Vec<SettingSpec> {
    settings::describe::<T>(&prefix_of(T::ID))
}

/// Reads a tool's settings and makes its provider.
///
/// # Errors
/// Every setting that is missing or wrong.
pub(crate) fn build<T: HttpTool>(
    environment: &Environment,
) -> Result<Arc<dyn ToolProvider>, SettingsError> {
    let tool: T = settings::read(&prefix_of(T::ID), environment)?;
    let vendor = tool.vendor()?;
    Ok(Arc::new(HttpProvider { tool, vendor }))
}

#[derive(Debug)]
struct HttpProvider<T> {
    tool: T,
    vendor: VendorHttp,
}

impl<T: HttpTool> HttpProvider<T> {
    /// Deletes everything that bears the label.
    async fn clear(&self, api: Api<'_>, label: &str) -> Result<(), ProviderError> {
        let mut found = self.tool.list(api).await?;
        found.retain(|one| one.label == label);
        for Found { id, .. } in unique(found) {
            absent_is_done(self.tool.delete(api, label, &id).await)?;
        }
        Ok(())
    }

    /// Creates where nothing is: a first attempt knows that, a later one deletes what it finds. What may have
    /// come to be without our learning its secret is deleted again.
    async fn replace(
        &self,
        api: Api<'_>,
        label: &str,
        options: T::Options,
    ) -> Result<ProvisionedTool, ProviderError> {
        match api.cx().attempt() {
            Attempt::First => {}
            Attempt::Later => self.clear(api, label).await?,
        }
        let created = self.tool.create(api, label, options).await;
        if let Err(error) = &created
            && error.effect() == Effect::Unknown
            && let Err(second) = self.clear(api, label).await
        {
            warn!(error = %second, "what bears {label} may be left over until the next sweep");
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
            Err(error) if error.kind() == ErrorKind::NotFound => self.tool.gone(api).await,
            result => result,
        }
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedResource>, ProviderError> {
        let mut found = self.tool.list(self.vendor.on(cx)).await?;
        found.retain(|one| cx.mark().instance(&one.label).is_some());
        let found = unique(found);
        let ours = found.iter().filter_map(|one| {
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

    async fn verify(&self, cx: &Context) -> Result<(), ProviderError> {
        self.tool.verify(self.vendor.on(cx)).await
    }
}

/// Each resource once: pages shift while resources come and go, so that one may come twice.
fn unique(mut found: Vec<Found>) -> Vec<Found> {
    let mut seen = HashSet::new();
    found.retain(|one| seen.insert(one.id.clone()));
    found
}
