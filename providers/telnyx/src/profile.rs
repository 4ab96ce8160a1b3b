//! The messaging profile of every number: the configured one, or one of our name.

use agent_pool_core::{Context, ProviderError, absent_is_done};

use crate::Telnyx;
use crate::model::Profile;

impl Telnyx {
    /// The profile's id. One of our name is made where there is none; never is another's taken.
    pub(crate) async fn profile(&self, cx: &Context) -> Result<String, ProviderError> {
        if let Some(id) = &self.settings.messaging_profile_id {
            return Ok(id.clone());
        }
        let name = cx.mark().prefix().trim_end_matches('-');
        if let Some(oldest) = self.oldest_profile(cx, name).await? {
            return Ok(oldest.id);
        }
        let country = self.settings.country_code.as_str();
        let made = self.client.create_profile(cx, name, country).await?;
        self.without_twin(cx, made).await
    }

    /// Names are not unique: of two that were made at once the older one stays.
    async fn without_twin(&self, cx: &Context, made: Profile) -> Result<String, ProviderError> {
        match self.oldest_profile(cx, &made.name).await? {
            Some(oldest) if oldest.id != made.id => {
                absent_is_done(self.client.delete_profile(cx, &made.id).await)?;
                Ok(oldest.id)
            }
            Some(_) | None => Ok(made.id),
        }
    }

    async fn oldest_profile(
        &self,
        cx: &Context,
        name: &str,
    ) -> Result<Option<Profile>, ProviderError> {
        let named = self.client.profiles(cx, name).await?.into_iter();
        let named = named.filter(|profile| profile.name == name);
        Ok(named.min_by(|a, b| (&a.created_at, &a.id).cmp(&(&b.created_at, &b.id))))
    }
}
