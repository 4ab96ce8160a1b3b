//! Reservations of numbers before an order.

use serde::Deserialize;
use serde_json::json;

use super::error;
use super::state::Telnyx;
use crate::api::read;
use crate::http::{Answer, Call};
use crate::time;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewReservation {
    phone_numbers: Vec<Wanted>,
    customer_reference: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    phone_number: String,
}

impl Telnyx {
    /// Reserves for 30 minutes; 85006 if somebody else has a reservation [D]. Here it does not expire.
    pub(crate) fn reserve(&mut self, call: &Call) -> Result<Answer, Answer> {
        let new: NewReservation = read::<Self, _>(call)?;
        let id = self.ids.uuid();
        let now = chrono::Utc::now();
        let mut lines = Vec::new();
        for Wanted { phone_number } in new.phone_numbers {
            self.check_available(&phone_number)?;
            if self.held.reserved.contains_key(&phone_number) {
                return Err(error::refuse(
                    422,
                    "85006",
                    "The number is already reserved.",
                ));
            }
            lines.push(json!({
                "id": self.ids.uuid(), "record_type": "reserved_phone_number",
                "phone_number": phone_number, "status": "success",
                "created_at": time::text(now), "updated_at": time::text(now),
                "expired_at": time::text(now + chrono::Duration::minutes(30)),
            }));
            self.held.reserved.insert(phone_number, id.clone());
        }
        let mut data = json!({
            "id": id, "record_type": "number_reservation", "status": "success",
            "phone_numbers": lines, "created_at": time::text(now), "updated_at": time::text(now),
        });
        if let Some(reference) = new.customer_reference {
            data["customer_reference"] = reference.into();
        }
        Ok(Answer::ok(json!({"data": data})))
    }

    /// Only a number that a search returned and nobody bought can be reserved or ordered [D].
    pub(crate) fn check_available(&self, number: &str) -> Result<(), Answer> {
        if !self.searched.contains(number) {
            let text = "You must search for numbers prior to ordering them.";
            return Err(error::refuse(400, "85000", text));
        }
        if !self.stock.iter().any(|held| held == number) {
            let text = "The number is no longer available.";
            return Err(error::refuse(400, "85001", text));
        }
        Ok(())
    }
}
