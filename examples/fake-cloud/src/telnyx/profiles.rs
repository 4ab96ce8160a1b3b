//! Messaging profiles: names are not unique, destinations are required.

use serde::Deserialize;
use serde_json::{Value, json};

use super::state::{Telnyx, TelnyxProfile};
use super::{error, page};
use crate::api::read;
use crate::http::{Answer, BodyFault, Call};
use crate::time;

/// `whitelisted_destinations` is required [S].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewProfile {
    name: String,
    whitelisted_destinations: Vec<String>,
    enabled: Option<bool>,
    webhook_url: Option<String>,
    daily_spend_limit: Option<String>,
    #[serde(default)]
    daily_spend_limit_enabled: bool,
    #[serde(rename = "webhook_api_version")]
    _webhook_api_version: Option<String>,
    #[serde(rename = "webhook_failover_url")]
    _webhook_failover_url: Option<String>,
}

impl Telnyx {
    pub(crate) fn profile_exists(&self, id: &str) -> Result<(), Answer> {
        if self.held.profiles.iter().any(|profile| profile.id == id) {
            return Ok(());
        }
        let text = "no such messaging profile";
        Err(error::body(&BodyFault::value("messaging_profile_id", text)))
    }

    pub(crate) fn create_profile(&mut self, call: &Call) -> Result<Answer, Answer> {
        let new: NewProfile = read::<Self, _>(call)?;
        // ISO codes, or `*` for all.
        let country = |code: &String| {
            code == "*" || code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase())
        };
        if new.whitelisted_destinations.is_empty()
            || !new.whitelisted_destinations.iter().all(country)
        {
            let text = "must be ISO 3166 country codes";
            return Err(error::body(&BodyFault::value(
                "whitelisted_destinations",
                text,
            )));
        }
        let profile = TelnyxProfile {
            id: self.ids.uuid(),
            name: new.name,
            whitelisted_destinations: new.whitelisted_destinations,
            enabled: new.enabled.unwrap_or(true),
            webhook_url: new.webhook_url.filter(|url| !url.is_empty()),
            daily_spend_limit: new
                .daily_spend_limit
                .filter(|_| new.daily_spend_limit_enabled),
            created_at: time::now(),
        };
        let data = profile.json();
        self.held.profiles.push(profile);
        Ok(Answer::ok(json!({"data": data})))
    }

    pub(crate) fn list_profiles(&mut self, call: &Call) -> Result<Answer, Answer> {
        let exact = call
            .param("filter[name][eq]")
            .or(call.param("filter[name]"));
        let part = call.param("filter[name][contains]");
        let profiles = self.held.profiles.iter().filter(|profile| {
            exact.is_none_or(|name| profile.name == name)
                && part.is_none_or(|text| profile.name.contains(text))
        });
        page::page(profiles.map(TelnyxProfile::json).collect(), call)
    }

    fn profile(&self, call: &Call) -> Result<&TelnyxProfile, Answer> {
        let mut profiles = self.held.profiles.iter();
        profiles
            .find(|profile| profile.id == call.segment(0))
            .ok_or_else(error::not_found)
    }

    pub(crate) fn get_profile(&mut self, call: &Call) -> Result<Answer, Answer> {
        Ok(Answer::ok(json!({"data": self.profile(call)?.json()})))
    }

    pub(crate) fn delete_profile(&mut self, call: &Call) -> Result<Answer, Answer> {
        let data = self.profile(call)?.json();
        self.held
            .profiles
            .retain(|profile| profile.id != call.segment(0));
        for number in &mut self.held.numbers {
            number
                .messaging_profile_id
                .take_if(|id| id == call.segment(0));
        }
        Ok(Answer::ok(json!({"data": data})))
    }

    pub(crate) fn numbers_of_profile(&mut self, call: &Call) -> Result<Answer, Answer> {
        let id = self.profile(call)?.id.clone();
        let numbers = self.held.numbers.iter();
        let own = numbers.filter(|number| number.messaging_profile_id.as_ref() == Some(&id));
        page::page(
            own.map(|number| number.messaging_json(&self.options.country))
                .collect(),
            call,
        )
    }

    /// The balance for buying numbers.
    pub(crate) fn balance(&mut self, _: &Call) -> Result<Answer, Answer> {
        let left = format!("{:.2}", self.options.balance);
        Ok(Answer::ok(json!({"data": {
            "record_type": "balance", "currency": "USD", "balance": left,
            "available_credit": left, "credit_limit": "0.00", "pending": "0.00",
        }})))
    }
}

impl TelnyxProfile {
    fn json(&self) -> Value {
        json!({
            "id": self.id, "record_type": "messaging_profile", "name": self.name,
            "enabled": self.enabled, "whitelisted_destinations": self.whitelisted_destinations,
            "webhook_url": self.webhook_url, "webhook_api_version": "2",
            "daily_spend_limit_enabled": self.daily_spend_limit.is_some(),
            "created_at": self.created_at, "updated_at": self.created_at,
        })
    }
}
