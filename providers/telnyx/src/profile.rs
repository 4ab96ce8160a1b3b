//! The messaging profile, which all instances of an environment share.

use agent_pool_core::prelude::*;

use crate::settings::Telnyx;
use crate::wire::{NewProfile, Profile, fetch_all};

const PATH: &str = "messaging_profiles";

impl Telnyx {
    /// The id of the messaging profile: the configured one, or the one of our name.
    pub(crate) async fn profile(&self, api: Api<'_>) -> ProviderResult<String> {
        if let Some(id) = &self.messaging_profile_id {
            return Ok(id.clone());
        }
        let name = api.cx().mark().prefix().trim_end_matches('-');
        let mut known = self.profiles.0.lock().await;
        if let Some(id) = known.get(name) {
            return Ok(id.clone());
        }
        let id = match oldest(find(api, name).await?) {
            Some(id) => id,
            None => self.create_profile(api, name).await?,
        };
        known.insert(name.to_owned(), id.clone());
        Ok(id)
    }

    /// Names are not unique, so two replicas may create a profile at the same time: the older one stays.
    async fn create_profile(&self, api: Api<'_>, name: &str) -> ProviderResult<String> {
        let profile = NewProfile {
            name,
            whitelisted_destinations: [self.country_code],
            webhook_url: self.webhook_url.as_ref(),
            daily_spend_limit: self.daily_spend_limit.map(|limit| limit.get().to_string()),
            daily_spend_limit_enabled: self.daily_spend_limit.map(|_| true),
        };
        let created: Profile = api.post([PATH]).json(&profile).fetch_data().await?;
        match oldest(find(api, name).await?) {
            Some(older) if older != created.id => {
                let deleted = api.delete([PATH, &created.id]).execute().await;
                absent_is_done(deleted.map(drop))?;
                Ok(older)
            }
            Some(_) | None => Ok(created.id),
        }
    }

    /// Assigns the profile to a number. The profile in an order is not always kept, and a new number is unknown to the
    /// vendor's messaging side for some seconds, so the assignment is repeated until it can be read back.
    pub(crate) async fn assign_profile(
        &self,
        api: Api<'_>,
        number_id: &str,
        profile: &str,
    ) -> ProviderResult<()> {
        let path = ["phone_numbers", number_id, "messaging"];
        let change = json!({ "messaging_profile_id": profile });
        let look = || async {
            api.patch(path).json(&change).execute().await?;
            let current: Value = api.get(path).fetch_data().await?;
            Ok((current["messaging_profile_id"] == profile).then_some(()))
        };
        let late = "the messaging profile is accepted and not assigned yet";
        api.poll(self.polling(), late, look).await
    }
}

/// Every profile of exactly this name.
async fn find(api: Api<'_>, name: &str) -> ProviderResult<Vec<Profile>> {
    let request = api.get([PATH]).query("filter[name][eq]", name);
    let mut profiles: Vec<Profile> = fetch_all(request).await?;
    profiles.retain(|profile| profile.name == name);
    Ok(profiles)
}

fn oldest(profiles: Vec<Profile>) -> Option<String> {
    let oldest = profiles
        .into_iter()
        .min_by(|a, b| (&a.created_at, &a.id).cmp(&(&b.created_at, &b.id)));
    oldest.map(|profile| profile.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_profiles_the_older_one_stays() {
        let profile = |id: &str, created_at: &str| Profile {
            id: id.to_owned(),
            name: "ap-dev".to_owned(),
            created_at: created_at.to_owned(),
        };
        let two = [profile("b", "2026-02-01"), profile("a", "2026-01-01")];
        assert_eq!(oldest(two.to_vec()).as_deref(), Some("a"));
        let at_once = [profile("b", "2026-01-01"), profile("a", "2026-01-01")];
        assert_eq!(
            oldest(at_once.to_vec()).as_deref(),
            Some("a"),
            "every replica decides the same"
        );
        assert_eq!(oldest(Vec::new()), None);
    }
}
