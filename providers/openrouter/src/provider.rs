use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use agent_pool_core::settings::{self, Amount, Environment, SettingSpec, SettingsError};
use agent_pool_core::{
    Context, Effect, ErrorKind, InstanceId, ListedResource, ProviderError, ProvisionedTool,
    ResourceId, ToolCapabilities, ToolOptions, ToolProvider, Usage, absent_is_done, read_options,
};
use async_trait::async_trait;
use serde::Deserialize;
use tracing::warn;

use crate::client::Client;
use crate::model::{CreatedKey, Key, KeyChange, NewKey};
use crate::settings::{LimitReset, PREFIX, Settings};

/// Gives each instance a key of its own.
#[derive(Debug)]
pub struct OpenRouter {
    settings: Settings,
    client: Client,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KeyOptions {
    limit: Option<Amount>,
    limit_reset: Option<LimitReset>,
}

impl OpenRouter {
    /// The reference of its settings.
    #[must_use]
    pub fn settings() -> Vec<SettingSpec> {
        settings::describe::<Settings>(PREFIX)
    }

    /// Reads the settings and makes the provider.
    ///
    /// # Errors
    /// Every setting that is missing or wrong.
    pub fn build(environment: &Environment) -> Result<Arc<dyn ToolProvider>, SettingsError> {
        let settings: Settings = settings::read(PREFIX, environment)?;
        let client = Client::new(&settings)?;
        Ok(Arc::new(Self { settings, client }))
    }

    /// Every key of the account. The offsets shift while keys come and go, so one may come twice.
    async fn every_key(&self, cx: &Context) -> Result<Vec<Key>, ProviderError> {
        let workspaces = self.client.workspaces(cx).await?;
        if workspaces.is_empty() {
            let problem = "answered no workspace, and there is always the default one";
            return Err(ProviderError::new(ErrorKind::Protocol, problem));
        }
        let mut seen = HashSet::new();
        let mut all = Vec::new();
        for workspace in &workspaces {
            let keys = self.client.keys(cx, workspace).await?;
            all.extend(keys.into_iter().filter(|key| seen.insert(key.hash.clone())));
        }
        Ok(all)
    }

    /// Deletes every key of this name: the text of none of them can be had again.
    async fn delete_named(&self, cx: &Context, name: &str) -> Result<(), ProviderError> {
        let keys = self.every_key(cx).await?;
        for key in keys.into_iter().filter(|key| key.name == name) {
            absent_is_done(self.client.delete_key(cx, &key.hash).await)?;
        }
        Ok(())
    }

    /// What may have come to be without our learning its text is deleted again.
    async fn create(&self, cx: &Context, key: &NewKey<'_>) -> Result<CreatedKey, ProviderError> {
        let result = self.client.create_key(cx, key).await;
        if let Err(error) = &result
            && error.effect() == Effect::Unknown
            && let Err(second) = self.delete_named(cx, key.name).await
        {
            warn!(error = %second, "a key named {} may be left over until the next sweep", key.name);
        }
        result
    }
}

#[async_trait]
impl ToolProvider for OpenRouter {
    fn capabilities(&self) -> ToolCapabilities {
        ToolCapabilities {
            usage: true,
            update: true,
            verify: true,
        }
    }

    async fn provision(
        &self,
        cx: &Context,
        instance: &InstanceId,
        options: &ToolOptions,
    ) -> Result<ProvisionedTool, ProviderError> {
        let options: KeyOptions = read_options(options)?;
        let name = cx.mark().label(instance);
        self.delete_named(cx, &name).await?;
        let key = NewKey {
            name: &name,
            limit: options.limit.unwrap_or(self.settings.key_limit),
            limit_reset: options.limit_reset.or(self.settings.key_limit_reset),
            workspace_id: self.settings.workspace_id.as_deref(),
        };
        let CreatedKey { data, key } = self.create(cx, &key).await?;
        let tool = ProvisionedTool::new(&data.hash, [("OPENROUTER_API_KEY", key)])?;
        Ok(tool.with("label", data.label))
    }

    async fn destroy(
        &self,
        cx: &Context,
        _: &InstanceId,
        resource: &ResourceId,
    ) -> Result<(), ProviderError> {
        absent_is_done(self.client.delete_key(cx, resource.as_str()).await)
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedResource>, ProviderError> {
        let keys = self.every_key(cx).await?;
        let ours = keys.iter().filter_map(|key| {
            ListedResource::marked(cx, &key.name, &key.hash, Some(&key.created_at))
        });
        ours.collect()
    }

    /// `usd` spent by the key, `usd_remaining` of its limit, `account_usd_remaining` of the account's
    /// credits.
    async fn usage(&self, cx: &Context, resource: &ResourceId) -> Result<Usage, ProviderError> {
        let key = self.client.key(cx, resource.as_str()).await?;
        let credits = self.client.credits(cx).await?;
        let left = credits.total_credits - credits.total_usage;
        let mut measures = BTreeMap::from([
            ("usd".to_owned(), key.usage),
            ("account_usd_remaining".to_owned(), left),
        ]);
        measures.extend(
            key.limit_remaining
                .map(|left| ("usd_remaining".to_owned(), left)),
        );
        Ok(Usage(measures))
    }

    async fn update(
        &self,
        cx: &Context,
        resource: &ResourceId,
        options: &ToolOptions,
    ) -> Result<(), ProviderError> {
        let change: KeyChange = read_options(options)?;
        self.client.update_key(cx, resource.as_str(), &change).await
    }

    async fn verify(&self, cx: &Context) -> Result<(), ProviderError> {
        self.client.credits(cx).await?;
        Ok(())
    }
}
