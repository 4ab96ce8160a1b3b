//! The messaging profile of every number: the configured one, or one of our name.

use agent_pool_core::prelude::*;

use crate::Telnyx;
use crate::wire::{Profile, every};

impl Telnyx {
    /// The profile's id. One of our name is made where there is none; never is another's taken.
    pub(crate) async fn profile(&self, api: Api<'_>) -> Answer<String> {
        if let Some(id) = &self.messaging_profile_id {
            return Ok(id.clone());
        }
        let name = api.cx().mark().prefix().trim_end_matches('-');
        if let Some(oldest) = oldest(api, name).await? {
            return Ok(oldest.id);
        }
        let profile = json!({ "name": name, "whitelisted_destinations": [self.country_code] });
        let made: Profile = api
            .post(["messaging_profiles"])
            .json(&profile)
            .data()
            .await?;
        // Names are not unique: of two that were made at once the older one stays.
        let kept = oldest(api, name)
            .await?
            .map_or_else(|| made.id.clone(), |oldest| oldest.id);
        if kept != made.id {
            let request = api.delete(["messaging_profiles", &made.id]);
            absent_is_done(request.done().await.map(drop))?;
        }
        Ok(kept)
    }
}

async fn oldest(api: Api<'_>, name: &str) -> Answer<Option<Profile>> {
    let named: Vec<Profile> = every(api, "messaging_profiles", ("filter[name][eq]", name)).await?;
    let named = named.into_iter().filter(|profile| profile.name == name);
    Ok(named.min_by(|a, b| (&a.created_at, &a.id).cmp(&(&b.created_at, &b.id))))
}
