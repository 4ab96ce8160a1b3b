//! The account's numbers.

use serde::Deserialize;
use serde_json::{Value, json};

use super::state::{Telnyx, TelnyxNumber, listed};
use super::{error, page};
use crate::api::read;
use crate::http::{Answer, Call};

/// The members of a number that can be changed. `messaging_profile_id` is not one of them [S].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NumberPatch {
    tags: Option<Vec<String>>,
    customer_reference: Option<String>,
    connection_id: Option<String>,
    #[serde(rename = "id")]
    _id: Option<String>,
    #[serde(rename = "address_id")]
    _address_id: Option<String>,
    #[serde(rename = "billing_group_id")]
    _billing_group_id: Option<String>,
    #[serde(rename = "external_pin")]
    _external_pin: Option<String>,
    #[serde(rename = "hd_voice_enabled")]
    _hd_voice_enabled: Option<bool>,
}

impl Telnyx {
    /// The index of a number, by its ID or its E.164 form: the vendor's guides use either [D].
    pub(crate) fn place(&self, call: &Call) -> Result<usize, Answer> {
        let id = call.segment(0);
        let mut numbers = self.held.numbers.iter();
        let place = numbers.position(|number| number.id == id || number.phone_number == id);
        place.ok_or_else(error::not_found)
    }

    pub(crate) fn list_numbers(&mut self, call: &Call) -> Result<Answer, Answer> {
        self.settle_at_once();
        let number = call.param("filter[phone_number]");
        let reference = call.param("filter[customer_reference]");
        let tag = call.param("filter[tag]");
        let wanted = |have: &TelnyxNumber| {
            number.is_none_or(|digits| contains(&have.phone_number, digits))
                && reference.is_none_or(|text| have.customer_reference.as_deref() == Some(text))
                && tag.is_none_or(|tag| have.tags.iter().any(|own| own == tag))
                && call
                    .param("filter[status]")
                    .is_none_or(|status| status == "active")
        };
        let country = self.options.country.clone();
        let numbers = self.held.numbers.iter_mut().rev();
        let shown = numbers.filter_map(|have| {
            let visible = listed(&mut have.hidden) && wanted(have);
            visible.then(|| have.json(&country))
        });
        let unfiltered = number.is_none() && reference.is_none() && tag.is_none();
        let foreign = self.foreign.iter().filter(|_| unfiltered).cloned();
        page::page(shown.chain(foreign).collect(), call)
    }

    pub(crate) fn get_number(&mut self, call: &Call) -> Result<Answer, Answer> {
        self.settle_at_once();
        let number = &self.held.numbers[self.place(call)?];
        Ok(Answer::ok(
            json!({"data": number.json(&self.options.country)}),
        ))
    }

    pub(crate) fn update_number(&mut self, call: &Call) -> Result<Answer, Answer> {
        self.settle_at_once();
        let patch: NumberPatch = read::<Self, _>(call)?;
        let place = self.place(call)?;
        let number = &mut self.held.numbers[place];
        number.tags = patch
            .tags
            .unwrap_or_else(|| std::mem::take(&mut number.tags));
        number.customer_reference = patch
            .customer_reference
            .or(number.customer_reference.take());
        number.connection_id = patch.connection_id.or(number.connection_id.take());
        Ok(Answer::ok(
            json!({"data": number.json(&self.options.country)}),
        ))
    }

    /// 200 with `status: deleted`; a repeated call is a 404 with 10005 [S]. It is no longer listed (not known [?]).
    pub(crate) fn delete_number(&mut self, call: &Call) -> Result<Answer, Answer> {
        self.settle_at_once();
        let place = self.place(call)?;
        let gone = self.held.numbers.remove(place);
        // The next buyer of the number starts without a campaign.
        self.held
            .assignments
            .retain(|one| one.phone_number != gone.phone_number);
        let mut data = json!({
            "id": gone.id, "record_type": "phone_number", "status": "deleted",
            "phone_number": gone.phone_number, "phone_number_type": "local", "tags": gone.tags,
            "created_at": gone.created_at, "purchased_at": gone.created_at,
            "deletion_lock_enabled": false,
        });
        if let Some(reference) = gone.customer_reference {
            data["customer_reference"] = reference.into();
        }
        Ok(Answer::ok(json!({"data": data})))
    }
}

/// Only digits, at least three; anything else, such as a `+`, matches nothing [S].
fn contains(number: &str, digits: &str) -> bool {
    digits.len() >= 3 && digits.bytes().all(|byte| byte.is_ascii_digit()) && number.contains(digits)
}

impl TelnyxNumber {
    fn json(&self, country: &str) -> Value {
        json!({
            "id": self.id, "record_type": "phone_number", "phone_number": self.phone_number,
            "country_iso_alpha2": country, "status": "active", "phone_number_type": "local",
            "tags": self.tags, "customer_reference": self.customer_reference,
            "connection_id": self.connection_id, "external_pin": null,
            "messaging_profile_id": self.messaging_profile_id,
            "deletion_lock_enabled": false, "source_type": "number_order",
            "created_at": self.created_at, "purchased_at": self.created_at,
            "updated_at": self.created_at,
        })
    }
}
