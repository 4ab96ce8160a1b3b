//! An infra provider. Every call has a deadline.

use std::sync::Arc;

use agent_pool_core::{
    Attempt, CreatedInfra, EnvVars, InfraHandle, InfraId, InfraOptions, InfraProvider, InstanceId,
    InstanceSpec, ListedInstance, LogLine, ProviderError, Redeploy,
};
use futures_util::future::try_join_all;

use super::call_context::CallContext;

/// One infra of this build.
#[derive(Debug, Clone)]
pub(crate) struct Infra {
    id: InfraId,
    provider: Arc<dyn InfraProvider>,
    calls: CallContext,
}

impl Infra {
    pub(super) fn new(id: InfraId, provider: Arc<dyn InfraProvider>, calls: CallContext) -> Self {
        Self {
            id,
            provider,
            calls,
        }
    }

    pub(crate) const fn id(&self) -> &InfraId {
        &self.id
    }

    /// The image of instances unless a request names one.
    pub(crate) fn default_image(&self) -> Option<&str> {
        self.provider.default_image()
    }

    /// The variables whose values are part of a recipe.
    pub(crate) fn recipe_settings(&self) -> &'static [&'static str] {
        self.provider.recipe_settings()
    }

    /// Refuses options of a recipe that it does not accept.
    pub(crate) fn check_options(&self, options: &InfraOptions) -> Result<(), ProviderError> {
        self.provider.check_options(options)
    }

    /// Whether webhooks of its vendor are accepted.
    pub(crate) fn takes_notices(&self) -> bool {
        self.provider.takes_notices()
    }

    /// Whether it can deploy another image.
    pub(crate) fn updates_images(&self) -> bool {
        self.provider.capabilities().update_image
    }

    /// The digest that an image's name refers to now; `None` if the infra cannot tell.
    pub(crate) async fn resolve_image(&self, image: &str) -> Result<Option<String>, ProviderError> {
        let cx = self.calls.now();
        self.provider.resolve_image(&cx, image).await
    }

    pub(crate) async fn update_image(
        &self,
        handle: &InfraHandle,
        image: &str,
    ) -> Result<(), ProviderError> {
        let cx = self.calls.now();
        self.provider.update_image(&cx, handle, image).await
    }

    pub(crate) async fn create(
        &self,
        instance: &InstanceId,
        attempt: Attempt,
        spec: &InstanceSpec,
    ) -> Result<CreatedInfra, ProviderError> {
        let cx = self.calls.now().with_attempt(attempt);
        self.provider.create(&cx, instance, spec).await
    }

    pub(crate) async fn configure(
        &self,
        handle: &InfraHandle,
        variables: &EnvVars,
        redeploy: Redeploy,
    ) -> Result<(), ProviderError> {
        let cx = self.calls.now();
        self.provider
            .configure(&cx, handle, variables, redeploy)
            .await
    }

    pub(crate) async fn redeploy(&self, handle: &InfraHandle) -> Result<(), ProviderError> {
        let cx = self.calls.now();
        self.provider.redeploy(&cx, handle).await
    }

    pub(crate) async fn destroy(&self, handle: &InfraHandle) -> Result<(), ProviderError> {
        let cx = self.calls.now();
        self.provider.destroy(&cx, handle).await
    }

    pub(crate) async fn list(&self) -> Result<Vec<ListedInstance>, ProviderError> {
        let cx = self.calls.now();
        self.provider.list(&cx).await
    }

    pub(crate) async fn logs(
        &self,
        handle: &InfraHandle,
        lines: usize,
    ) -> Result<Vec<LogLine>, ProviderError> {
        let cx = self.calls.now();
        self.provider.logs(&cx, handle, lines).await
    }

    /// Destroys everything that the vendor has for an instance. Used if the service id is unknown, because the answer
    /// to its creation was lost.
    pub(crate) async fn destroy_by_mark(&self, instance: &InstanceId) -> Result<(), ProviderError> {
        let listed = self.list().await?;
        let handles = listed.iter().map(|found| &found.handle);
        let ours = handles.filter(|handle| handle.instance == *instance);
        try_join_all(ours.map(|handle| self.destroy(handle))).await?;
        Ok(())
    }
}
