//! A tool provider whose every call has a deadline.

use std::sync::Arc;

use agent_pool_core::{
    EnvName, ErrorKind, InstanceId, ListedResource, ProviderError, ProvisionedTool, ResourceId,
    ToolId, ToolOptions, ToolProvider,
};
use futures_util::future::try_join_all;

use super::Surroundings;

/// One tool of this build.
#[derive(Debug, Clone)]
pub(crate) struct Tool {
    id: ToolId,
    main_variable: EnvName,
    /// All that its registration declares.
    variables: &'static [&'static str],
    provider: Arc<dyn ToolProvider>,
    surroundings: Surroundings,
}

impl Tool {
    pub(super) fn new(
        id: ToolId,
        main_variable: EnvName,
        variables: &'static [&'static str],
        provider: Arc<dyn ToolProvider>,
        surroundings: Surroundings,
    ) -> Self {
        Self {
            id,
            main_variable,
            variables,
            provider,
            surroundings,
        }
    }

    pub(crate) const fn id(&self) -> &ToolId {
        &self.id
    }

    /// The variable that holds its main secret.
    pub(crate) const fn main_variable(&self) -> &EnvName {
        &self.main_variable
    }

    pub(crate) async fn provision(
        &self,
        instance: &InstanceId,
        options: &ToolOptions,
    ) -> Result<ProvisionedTool, ProviderError> {
        let cx = self.surroundings.now();
        let made = self.provider.provision(&cx, instance, options).await?;
        self.check(&made).map_err(|problem| {
            let error = ProviderError::new(ErrorKind::Protocol, problem);
            error.at(self.id.to_string(), "provision", Some(instance))
        })?;
        Ok(made)
    }

    /// What a provider promises of its answer and an instance or a row would suffer from.
    fn check(&self, made: &ProvisionedTool) -> Result<(), String> {
        let declared = |name: &EnvName| self.variables.contains(&name.as_str());
        if let Some((name, _)) = made.env.iter().find(|(name, _)| !declared(name)) {
            return Err(format!(
                "sets {name}, which its registration does not declare"
            ));
        }
        let bytes = serde_json::to_string(&made.metadata).map_or(usize::MAX, |json| json.len());
        if bytes > ProvisionedTool::METADATA_LIMIT {
            let limit = ProvisionedTool::METADATA_LIMIT;
            return Err(format!(
                "has metadata of {bytes} bytes: at most {limit} are kept"
            ));
        }
        Ok(())
    }

    pub(crate) async fn destroy(
        &self,
        instance: &InstanceId,
        resource: &ResourceId,
    ) -> Result<(), ProviderError> {
        let cx = self.surroundings.now();
        self.provider.destroy(&cx, instance, resource).await
    }

    pub(crate) async fn list(&self) -> Result<Vec<ListedResource>, ProviderError> {
        let cx = self.surroundings.now();
        self.provider.list(&cx).await
    }

    /// Destroys whatever the vendor has for an instance: for when the resource is not known, because
    /// the answer of its making never came.
    pub(crate) async fn destroy_by_mark(&self, instance: &InstanceId) -> Result<(), ProviderError> {
        let listed = self.list().await?;
        let ours = listed.iter().filter(|found| found.instance == *instance);
        try_join_all(ours.map(|found| self.destroy(instance, &found.resource))).await?;
        Ok(())
    }
}
