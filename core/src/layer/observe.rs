//! Names and traces every call. Place in the order: outermost.
//!
//! An error that leaves this layer names the provider, the operation and the instance, so that no
//! provider has to. Each call is one span `provider.call`; how it ended is one debug event in it,
//! because whoever handles an error logs it.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;
use tracing::{Instrument, debug, info_span};

use crate::{
    Context, CreatedInfra, EnvVars, InfraCapabilities, InfraHandle, InfraId, InfraProvider,
    InstanceId, InstanceSpec, ListedInstance, ListedResource, LogLine, ProviderError,
    ProvisionedTool, Redeploy, ResourceId, ToolCapabilities, ToolId, ToolOptions, ToolProvider,
    Usage,
};

async fn observe<T>(
    provider: &str,
    operation: &'static str,
    instance: Option<&InstanceId>,
    call: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    let span = info_span!(
        "provider.call",
        provider,
        operation,
        instance.id = instance.map(tracing::field::display)
    );
    async {
        let started = Instant::now();
        let result = call
            .await
            .map_err(|error| error.at(provider.to_owned(), operation, instance));
        let elapsed_ms = started.elapsed().as_millis();
        match &result {
            Ok(_) => debug!(
                elapsed_ms,
                outcome = "ok",
                "{provider} {operation} succeeded"
            ),
            Err(error) => debug!(
                elapsed_ms,
                outcome = error.kind().as_str(),
                "{provider} {operation} failed"
            ),
        }
        result
    }
    .instrument(span)
    .await
}

/// The layer around a tool provider.
#[derive(Debug)]
pub struct ObservedTool {
    id: ToolId,
    inner: Arc<dyn ToolProvider>,
}

impl ObservedTool {
    /// Puts the layer around `inner`, which errors and traces will call `id`.
    #[must_use]
    pub fn wrap(id: ToolId, inner: Arc<dyn ToolProvider>) -> Arc<dyn ToolProvider> {
        Arc::new(Self { id, inner })
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl ToolProvider for ObservedTool {
    fn capabilities(&self) -> ToolCapabilities {
        self.inner.capabilities()
    }

    async fn provision(
        &self,
        cx: &Context,
        instance: &InstanceId,
        options: &ToolOptions,
    ) -> Result<ProvisionedTool, ProviderError> {
        let call = self.inner.provision(cx, instance, options);
        observe(self.id.as_str(), "provision", Some(instance), call).await
    }

    async fn destroy(
        &self,
        cx: &Context,
        instance: &InstanceId,
        resource: &ResourceId,
    ) -> Result<(), ProviderError> {
        let call = self.inner.destroy(cx, instance, resource);
        observe(self.id.as_str(), "destroy", Some(instance), call).await
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedResource>, ProviderError> {
        observe(self.id.as_str(), "list", None, self.inner.list(cx)).await
    }

    async fn usage(&self, cx: &Context, resource: &ResourceId) -> Result<Usage, ProviderError> {
        observe(
            self.id.as_str(),
            "usage",
            None,
            self.inner.usage(cx, resource),
        )
        .await
    }

    async fn update(
        &self,
        cx: &Context,
        resource: &ResourceId,
        options: &ToolOptions,
    ) -> Result<(), ProviderError> {
        let call = self.inner.update(cx, resource, options);
        observe(self.id.as_str(), "update", None, call).await
    }

    async fn verify(&self, cx: &Context) -> Result<(), ProviderError> {
        observe(self.id.as_str(), "verify", None, self.inner.verify(cx)).await
    }
}

/// The layer around an infra provider.
#[derive(Debug)]
pub struct ObservedInfra {
    id: InfraId,
    inner: Arc<dyn InfraProvider>,
}

impl ObservedInfra {
    /// Puts the layer around `inner`, which errors and traces will call `id`.
    #[must_use]
    pub fn wrap(id: InfraId, inner: Arc<dyn InfraProvider>) -> Arc<dyn InfraProvider> {
        Arc::new(Self { id, inner })
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl InfraProvider for ObservedInfra {
    fn capabilities(&self) -> InfraCapabilities {
        self.inner.capabilities()
    }

    async fn create(
        &self,
        cx: &Context,
        instance: &InstanceId,
        spec: &InstanceSpec,
    ) -> Result<CreatedInfra, ProviderError> {
        let call = self.inner.create(cx, instance, spec);
        observe(self.id.as_str(), "create", Some(instance), call).await
    }

    async fn configure(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        variables: &EnvVars,
        redeploy: Redeploy,
    ) -> Result<(), ProviderError> {
        let call = self.inner.configure(cx, handle, variables, redeploy);
        observe(self.id.as_str(), "configure", Some(&handle.instance), call).await
    }

    async fn redeploy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        let call = self.inner.redeploy(cx, handle);
        observe(self.id.as_str(), "redeploy", Some(&handle.instance), call).await
    }

    async fn destroy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError> {
        let call = self.inner.destroy(cx, handle);
        observe(self.id.as_str(), "destroy", Some(&handle.instance), call).await
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedInstance>, ProviderError> {
        observe(self.id.as_str(), "list", None, self.inner.list(cx)).await
    }

    async fn logs(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        lines: usize,
    ) -> Result<Vec<LogLine>, ProviderError> {
        let call = self.inner.logs(cx, handle, lines);
        observe(self.id.as_str(), "logs", Some(&handle.instance), call).await
    }

    async fn update_image(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        image: &str,
    ) -> Result<(), ProviderError> {
        let call = self.inner.update_image(cx, handle, image);
        observe(
            self.id.as_str(),
            "update_image",
            Some(&handle.instance),
            call,
        )
        .await
    }

    async fn verify(&self, cx: &Context) -> Result<(), ProviderError> {
        observe(self.id.as_str(), "verify", None, self.inner.verify(cx)).await
    }
}
