use std::sync::Arc;

use agent_pool_core::settings::{self, Environment, SettingSpec, SettingsError};
use agent_pool_core::{
    Context, ErrorKind, InstanceId, ListedResource, ProviderError, ProvisionedTool, ResourceId,
    Secret, ToolCapabilities, ToolOptions, ToolProvider, absent_is_done, read_options,
};
use async_trait::async_trait;
use serde::Deserialize;

use crate::client::Client;
use crate::order::Wanted;
use crate::settings::{PREFIX, Settings};

/// Gives each instance a phone number.
#[derive(Debug)]
pub struct Telnyx {
    pub(crate) settings: Settings,
    pub(crate) client: Client,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Options {
    area_code: Option<String>,
}

impl Telnyx {
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

    /// Assigns the profile by the one call that really does, and reads it back.
    async fn assign(&self, cx: &Context, id: &str, profile: &str) -> Result<(), ProviderError> {
        let known = self.until(cx, || async {
            match self.client.assign(cx, id, profile).await {
                Ok(_) => Ok(Some(())),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            }
        });
        let assigned = match known.await? {
            Some(()) => self.client.messaging(cx, id).await?.messaging_profile_id,
            None => None,
        };
        if assigned.as_deref() == Some(profile) {
            return Ok(());
        }
        let problem = "the number does not take its messaging profile yet";
        Err(ProviderError::new(ErrorKind::Unavailable, problem))
    }
}

#[async_trait]
impl ToolProvider for Telnyx {
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
        let profile = self.profile(cx).await?;
        let wanted = Wanted {
            reference: &label,
            profile: &profile,
            area: options.area_code.as_deref(),
        };
        let number = self.number(cx, wanted).await?;
        self.assign(cx, &number.id, &profile).await?;
        if !number.tags.contains(&label) {
            self.client.tag(cx, &number.id, &label).await?;
        }
        let vars = [
            (
                "TELNYX_PHONE_NUMBER",
                Secret::new(number.phone_number.as_str()),
            ),
            ("TELNYX_MESSAGING_PROFILE_ID", Secret::new(profile)),
        ];
        ProvisionedTool::new(&number.phone_number, vars)
    }

    async fn destroy(
        &self,
        cx: &Context,
        instance: &InstanceId,
        resource: &ResourceId,
    ) -> Result<(), ProviderError> {
        let numbers = self.client.numbers_like(cx, resource.as_str()).await?;
        let listed = numbers
            .iter()
            .find(|number| number.phone_number == resource.as_str());
        let Some(number) = listed else {
            // Not in the list is no proof: lists may lag, and what is forgotten is billed for ever.
            return absent_is_done(self.client.delete_number(cx, resource.as_str()).await);
        };
        let owners = number
            .labels()
            .filter_map(|label| cx.mark().instance(label));
        if owners.into_iter().any(|owner| owner != *instance) || !number.is_held() {
            return Ok(());
        }
        absent_is_done(self.client.delete_number(cx, &number.id).await)
    }

    async fn list(&self, cx: &Context) -> Result<Vec<ListedResource>, ProviderError> {
        let numbers = self.client.all_numbers(cx).await?;
        let ours = numbers
            .iter()
            .filter(|number| number.is_held())
            .filter_map(|number| {
                let (id, created_at) = (&number.phone_number, number.created_at.as_deref());
                let mut labels = number.labels();
                labels.find_map(|label| ListedResource::marked(cx, label, id, created_at))
            });
        ours.collect()
    }

    async fn verify(&self, cx: &Context) -> Result<(), ProviderError> {
        self.client.check_balance(cx).await
    }
}
