//! The search for numbers: concurrent searches get the same ones, and only found numbers can be ordered.

use serde_json::{Value, json};

use super::error;
use super::state::Telnyx;
use crate::http::{Answer, BodyFault, Call};

const FEATURES: [&str; 3] = ["sms", "mms", "voice"];

impl Telnyx {
    /// No coverage is a 4xx, no numbers are an empty list [D]. Concurrent searches get the same
    /// numbers [U].
    pub(crate) fn search(&mut self, call: &Call) -> Result<Answer, Answer> {
        if call
            .param("filter[country_code]")
            .is_some_and(|code| code != self.options.country)
        {
            return Err(error::refuse(
                400,
                "10015",
                "No coverage for the requested country.",
            ));
        }
        let features = call
            .query
            .iter()
            .filter(|(name, _)| name.starts_with("filter[features]"));
        let unknown = features
            .map(|(_, word)| word.as_str())
            .find(|word| !FEATURES.contains(word));
        let limit = match call.param("filter[limit]") {
            None => 100,
            Some(text) => text.parse().map_err(|_| {
                error::body(&BodyFault::value("filter[limit]", "must be a whole number"))
            })?,
        };
        let area = call
            .param("filter[national_destination_code]")
            .unwrap_or_default();
        let kind = call.param("filter[phone_number_type]").unwrap_or("local");
        let held_out = call.param("filter[exclude_held_numbers]") == Some("true");
        let found: Vec<String> = self
            .stock
            .iter()
            .filter(|number| number[2..].starts_with(area) && kind == "local" && unknown.is_none())
            .filter(|number| !(held_out && self.held.reserved.contains_key(*number)))
            .take(limit)
            .cloned()
            .collect();
        self.searched.extend(found.iter().cloned());
        let data: Vec<Value> = found.iter().map(|number| self.offer(number)).collect();
        let meta = json!({"best_effort_results": 0, "total_results": data.len()});
        Ok(Answer::ok(
            json!({"data": data, "meta": meta, "metadata": meta}),
        ))
    }

    fn offer(&self, number: &str) -> Value {
        let features: Vec<_> = FEATURES.iter().map(|name| json!({"name": name})).collect();
        json!({
            "record_type": "available_phone_number", "phone_number": number, "features": features,
            "cost_information": {"upfront_cost": "1.00", "monthly_cost": "1.00", "currency": "USD"},
            "region_information": [{"region_type": "country_code", "region_name": self.options.country}],
            "best_effort": false, "quickship": true, "reservable": true,
        })
    }
}
