//! A number's messaging settings: the only place where its messaging profile is set [S].

use serde::Deserialize;
use serde_json::{Value, json};

use super::error;
use super::state::{Telnyx, TelnyxNumber};
use crate::api::read;
use crate::http::{Answer, Call};
use crate::pace::Countdown;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MessagingPatch {
    messaging_profile_id: Option<String>,
    #[serde(rename = "messaging_product")]
    _messaging_product: Option<String>,
    tags: Option<Vec<String>>,
}

impl Telnyx {
    /// 404 for some time after the order completed [U].
    fn messaging_place(&mut self, call: &Call) -> Result<usize, Answer> {
        self.settle_at_once();
        let place = self.place(call)?;
        let ready = self.held.numbers[place]
            .messaging
            .as_mut()
            .is_none_or(Countdown::read);
        if ready {
            Ok(place)
        } else {
            Err(error::not_found())
        }
    }

    pub(crate) fn get_messaging(&mut self, call: &Call) -> Result<Answer, Answer> {
        let place = self.messaging_place(call)?;
        let data = self.held.numbers[place].messaging_json(&self.options.country);
        Ok(Answer::ok(json!({"data": data})))
    }

    /// `""` unassigns, null keeps [S].
    pub(crate) fn update_messaging(&mut self, call: &Call) -> Result<Answer, Answer> {
        let patch: MessagingPatch = read::<Self, _>(call)?;
        let place = self.messaging_place(call)?;
        if let Some(id) = patch
            .messaging_profile_id
            .as_deref()
            .filter(|id| !id.is_empty())
        {
            self.profile_exists(id)?;
        }
        let number = &mut self.held.numbers[place];
        if let Some(id) = patch.messaging_profile_id {
            number.messaging_profile_id = Some(id).filter(|id| !id.is_empty());
        }
        number.tags = patch
            .tags
            .unwrap_or_else(|| std::mem::take(&mut number.tags));
        let data = number.messaging_json(&self.options.country);
        Ok(Answer::ok(json!({"data": data})))
    }
}

impl TelnyxNumber {
    pub(crate) fn messaging_json(&self, country: &str) -> Value {
        let features = json!({
            "domestic_two_way": true, "international_inbound": false, "international_outbound": false,
        });
        json!({
            "id": self.id, "record_type": "messaging_settings", "phone_number": self.phone_number,
            "messaging_profile_id": self.messaging_profile_id, "country_code": country,
            "type": "long-code", "traffic_type": "A2P", "messaging_product": "A2P",
            "eligible_messaging_products": ["A2P"], "features": {"sms": features, "mms": features},
            "health": {"message_count": 0, "inbound_outbound_ratio": 0.0, "success_ratio": 0.0, "spam_ratio": 0.0},
            "tags": self.tags, "created_at": self.created_at, "updated_at": self.created_at,
        })
    }
}
