//! Numbers that are kept after their instance was destroyed, for the next one.
//!
//! A new number cannot send texts until carriers know its campaign. A kept one stays assigned, so that the next
//! instance can text at once. Its reference is `ap-<environment>-free-<time of release>`, which no instance's label
//! can equal.

use std::time::{SystemTime, UNIX_EPOCH};

use agent_pool_core::prelude::*;
use agent_pool_core::{Mark, Section};

use crate::settings::Telnyx;
use crate::wire::{Number, fetch_all};

/// Entered before a kept number is taken or a number becomes a kept one, so that no two replicas take the same number
/// or keep too many: the vendor cannot change a number on the condition that it is still free.
async fn one_at_a_time(api: Api<'_>) -> ProviderResult<Section> {
    let (cx, tag) = (api.cx(), tag(api.cx().mark()));
    let reason = "another call takes or keeps a number";
    cx.enter(&format!("telnyx/{tag}"), Duration::ZERO, reason)
        .await
}

/// The tag by which kept numbers are found.
fn tag(mark: &Mark) -> String {
    format!("{}free", mark.prefix())
}

/// When a number was released, if its reference says that it is kept.
pub(crate) fn released_at(mark: &Mark, reference: &str) -> Option<SystemTime> {
    let seconds = reference.strip_prefix(&tag(mark))?.strip_prefix('-')?;
    let seconds: u64 = Some(seconds)
        .filter(|text| text.len() == 10)?
        .parse()
        .ok()?;
    Some(UNIX_EPOCH + Duration::from_secs(seconds))
}

impl Telnyx {
    /// Gives a kept number to the instance with this label, if a suitable one has been free long enough.
    pub(crate) async fn take_kept(
        &self,
        api: Api<'_>,
        label: &str,
        area_code: Option<&str>,
    ) -> ProviderResult<Option<Number>> {
        if self.keep_numbers == 0 {
            return Ok(None);
        }
        let _alone = one_at_a_time(api).await?;
        let quarantine = self.quarantine_ms.duration();
        let is_ready = |number: &&Number| {
            let free = number
                .label()
                .and_then(|text| released_at(api.cx().mark(), text));
            let free = free.and_then(|since| since.elapsed().ok());
            let national = number.phone_number.trim_start_matches("+1");
            free.is_some_and(|free| free >= quarantine)
                && area_code.is_none_or(|code| national.starts_with(code))
        };
        let numbers = self.kept_numbers(api).await?;
        let Some(number) = numbers.iter().find(is_ready) else {
            return Ok(None);
        };
        let change = json!({ "customer_reference": label, "tags": [] });
        let path = ["phone_numbers", &number.id];
        api.patch(path).json(&change).execute().await?;
        api.get(path).fetch_data().await.map(Some)
    }

    /// Keeps a number instead of releasing it. `false` if enough numbers are kept already.
    pub(crate) async fn keep(&self, api: Api<'_>, id: &str) -> ProviderResult<bool> {
        if self.keep_numbers == 0 {
            return Ok(false);
        }
        let _alone = one_at_a_time(api).await?;
        if self.kept_numbers(api).await?.len() >= self.keep_numbers as usize {
            return Ok(false);
        }
        let tag = tag(api.cx().mark());
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let reference = format!("{tag}-{:010}", now.as_secs());
        let change = json!({ "customer_reference": reference, "tags": [tag] });
        let request = api.patch(["phone_numbers", id]).json(&change);
        request.execute().await?;
        Ok(true)
    }

    async fn kept_numbers(&self, api: Api<'_>) -> ProviderResult<Vec<Number>> {
        let mark = api.cx().mark();
        let request = api.get(["phone_numbers"]).query("filter[tag]", tag(mark));
        let mut numbers: Vec<Number> = fetch_all(request).await?;
        let is_kept = |number: &Number| {
            let free = number.label().and_then(|text| released_at(mark, text));
            number.is_held() && free.is_some()
        };
        numbers.retain(is_kept);
        Ok(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_reference_with_a_time_is_a_kept_number() {
        let mark = Mark::new(&"dev".parse().unwrap());
        let at = released_at(&mark, "ap-dev-free-1764300000");
        assert_eq!(at, Some(UNIX_EPOCH + Duration::from_secs(1_764_300_000)));
        for other in [
            "ap-dev-k3v9x0a1b2c3",
            "ap-dev-free-176430000012",
            "ap-prod-free-1764300000",
            "ap-dev-free",
        ] {
            assert_eq!(released_at(&mark, other), None, "{other}");
        }
        assert!(mark.instance("ap-dev-free-1764300000").is_none());
    }
}
