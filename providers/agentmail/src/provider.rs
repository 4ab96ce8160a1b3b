use std::sync::Arc;
use std::time::Duration;

use agent_pool_core::settings::{self, Environment, SettingSpec, SettingsError};
use agent_pool_core::{
    Context, ErrorKind, InstanceId, ListedResource, ProviderError, ProvisionedTool, ResourceId,
    Secret, ToolCapabilities, ToolOptions, ToolProvider, absent_is_done, read_options,
};
use async_trait::async_trait;
use serde::Deserialize;

use crate::client::Client;
use crate::model::NewInbox;
use crate::settings::{PREFIX, Settings};

/// Gives each instance a mailbox and a key to it.
#[derive(Debug)]
pub struct AgentMail {
    settings: Settings,
    client: Client,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    display_name: Option<String>,
}

impl AgentMail {
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

    /// A key of this name that is there is replaced: its text cannot be had again.
    async fn replace_key(
        &self,
        cx: &Context,
        inbox: &str,
        name: &str,
    ) -> Result<Secret, ProviderError> {
        let keys = self.client.api_keys(cx, inbox).await.map_err(not_there)?;
        for key in keys.iter().filter(|key| key.name == name) {
            absent_is_done(self.client.delete_api_key(cx, inbox, &key.api_key_id).await)?;
        }
        let key = self.client.create_api_key(cx, inbox, name).await;
        Ok(key.map_err(not_there)?.api_key)
    }

    /// Whether what this key does not see is not there: true of a key of the whole organisation.
    async fn sees_everything(&self, cx: &Context) -> Result<(), ProviderError> {
        let scope = self.client.identity(cx).await?.scope_type;
        if scope == "organization" {
            return Ok(());
        }
        Err(ProviderError::new(
            ErrorKind::Forbidden,
            format!("AGENTMAIL_API_KEY is limited to one {scope}: use a key of the organisation"),
        ))
    }
}

/// The vendor answers a new inbox before all of it knows of it, for a second or two; and it may answer
/// the `client_id` of an inbox that was deleted since, for good.
fn not_there(error: ProviderError) -> ProviderError {
    if error.kind() != ErrorKind::NotFound {
        return error;
    }
    let problem = "the inbox is not there yet, or its client id is one of a deleted inbox";
    ProviderError::new(ErrorKind::Conflict, problem)
        .with_retry_after(Duration::from_secs(2))
        .with_source(error)
}

#[async_trait]
impl ToolProvider for AgentMail {
    fn capabilities(&self) -> ToolCapabilities {
        ToolCapabilities {
            usage: false,
            update: false,
            verify: true,
        }
    }

    async fn provision(
        &self,
        cx: &Context,
        instance: &InstanceId,
        options: &ToolOptions,
    ) -> Result<ProvisionedTool, ProviderError> {
        let options: Options = read_options(options)?;
        let label = cx.mark().label(instance);
        let inbox = NewInbox {
            client_id: &label,
            username: &label,
            domain: self.settings.domain.as_deref(),
            display_name: options.display_name.as_deref(),
        };
        let inbox = self.client.create_inbox(cx, &inbox).await?.inbox_id;
        let key = self.replace_key(cx, &inbox, &label).await?;
        let address = Secret::new(inbox.as_str());
        ProvisionedTool::new(
            &inbox,
            [("AGENTMAIL_INBOX_ID", address), ("AGENTMAIL_API_KEY", key)],
        )
    }

    async fn destroy(
        &self,
        cx: &Context,
        _: &InstanceId,
        resource: &ResourceId,
    ) -> Result<(), ProviderError> {
        match self.client.delete_inbox(cx, resource.as_str()).await {
            Err(error) if error.kind() == ErrorKind::NotFound => self.sees_everything(cx).await,
            result => result,
        }
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedResource>, ProviderError> {
        let inboxes = self.client.inboxes(cx).await?;
        let ours = inboxes.iter().filter_map(|inbox| {
            let label = inbox.client_id.as_deref()?;
            ListedResource::marked(cx, label, &inbox.inbox_id, Some(&inbox.created_at))
        });
        ours.collect()
    }

    async fn verify(&self, cx: &Context) -> Result<(), ProviderError> {
        self.sees_everything(cx).await
    }
}
