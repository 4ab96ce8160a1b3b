//! Orders: accepted immediately, completed later. A repeated POST places another order.

use serde::Deserialize;
use serde_json::{Value, json};

use super::state::{Telnyx, TelnyxLine, TelnyxOrder, TelnyxOrderStatus, listed};
use super::{error, page};
use crate::api::read;
use crate::http::{Answer, BodyFault, Call};
use crate::pace::Countdown;
use crate::time;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewOrder {
    phone_numbers: Vec<Wanted>,
    messaging_profile_id: Option<String>,
    customer_reference: Option<String>,
    connection_id: Option<String>,
    billing_group_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    phone_number: String,
    requirement_group_id: Option<String>,
    #[serde(rename = "bundle_id")]
    _bundle_id: Option<String>,
}

impl Telnyx {
    /// 200 with `pending` [S]. There is no idempotency key: each POST buys numbers [S].
    pub(crate) fn create_order(&mut self, call: &Call) -> Result<Answer, Answer> {
        let new: NewOrder = read::<Self, _>(call)?;
        if new.phone_numbers.is_empty() {
            return Err(error::body(&BodyFault::value(
                "phone_numbers",
                "must not be empty",
            )));
        }
        for wanted in &new.phone_numbers {
            self.check_available(&wanted.phone_number)?;
        }
        if let Some(id) = &new.messaging_profile_id {
            self.profile_exists(id)?;
        }
        let price: f64 = new.phone_numbers.iter().map(|_| 1.0).sum();
        if self.options.balance < price {
            let text = "You do not have enough funds to perform this action.";
            return Err(error::refuse(422, "20100", text));
        }
        self.options.balance -= price;
        let order = self.put_order(new);
        let body = json!({"data": self.order_json(&order, Detail::Lines)});
        self.held.orders.push(order);
        self.settle_at_once();
        Ok(Answer::ok(body))
    }

    fn put_order(&mut self, new: NewOrder) -> TelnyxOrder {
        let mut groups = new.phone_numbers.iter();
        let requirement_group_id = groups.find_map(|one| one.requirement_group_id.clone());
        let lines = new.phone_numbers.into_iter().map(|wanted| {
            self.stock.retain(|number| number != &wanted.phone_number);
            TelnyxLine {
                id: self.ids.uuid(),
                phone_number: wanted.phone_number,
                status: TelnyxOrderStatus::Pending,
            }
        });
        TelnyxOrder {
            lines: lines.collect(),
            id: self.ids.uuid(),
            sub_order_id: self.ids.uuid(),
            status: TelnyxOrderStatus::Pending,
            customer_reference: new.customer_reference,
            messaging_profile_id: new.messaging_profile_id,
            connection_id: new.connection_id,
            billing_group_id: new.billing_group_id,
            requirement_group_id,
            created_at: time::now(),
            checked: Some(self.options.requirements_pace.start()),
            progress: Some(self.options.order_pace.start()),
            hidden: Some(self.options.list_pace.start()),
        }
    }

    pub(crate) fn get_order(&mut self, call: &Call) -> Result<Answer, Answer> {
        self.settle_at_once();
        let place = self
            .held
            .orders
            .iter()
            .position(|order| order.id == call.segment(0));
        let place = place.ok_or_else(error::not_found)?;
        let order = self.held.orders[place].clone();
        self.count_read(place);
        Ok(Answer::ok(
            json!({"data": self.order_json(&order, Detail::Lines)}),
        ))
    }

    pub(crate) fn list_orders(&mut self, call: &Call) -> Result<Answer, Answer> {
        self.settle_at_once();
        let reference = call.param("filter[customer_reference]");
        let status = call.param("filter[status]");
        let mut shown = Vec::new();
        for place in (0..self.held.orders.len()).rev() {
            let visible = listed(&mut self.held.orders[place].hidden);
            let order = self.held.orders[place].clone();
            let fits = |asked: Option<&str>, have: Option<&str>| asked.is_none() || asked == have;
            if visible
                && fits(reference, order.customer_reference.as_deref())
                && fits(status, Some(order.status.word()))
            {
                shown.push(self.order_json(&order, Detail::Brief));
                self.count_read(place);
            }
        }
        page::page(shown, call)
    }

    fn count_read(&mut self, place: usize) {
        if let Some(order) = self.held.orders.get_mut(place) {
            order.progress.as_mut().map(Countdown::read);
            order.checked.as_mut().map(Countdown::read);
        }
        self.settle_at_once();
    }

    /// A new order says that documents are missing until the vendor has checked it.
    fn requirements_met(&self, order: &TelnyxOrder) -> bool {
        self.options.requirements_met && order.checked.is_none_or(Countdown::done)
    }

    fn order_json(&self, order: &TelnyxOrder, detail: Detail) -> Value {
        let requirements_met = self.requirements_met(order);
        let lines = order.lines.iter().map(|line| match detail {
            Detail::Brief => json!({"id": line.id, "phone_number": line.phone_number}),
            Detail::Lines => json!({
                "id": line.id, "phone_number": line.phone_number, "status": line.status,
                "record_type": "number_order_phone_number", "phone_number_type": "local",
                "country_code": self.options.country, "country_iso_alpha2": self.options.country,
                "requirements_met": requirements_met, "regulatory_requirements": [],
                "requirements_status":
                    if requirements_met { "approved" } else { "requirement-info-pending" },
            }),
        });
        let mut json = json!({
            "id": order.id, "record_type": "number_order", "status": order.status,
            "phone_numbers": lines.collect::<Vec<_>>(), "phone_numbers_count": order.lines.len(),
            "sub_number_orders_ids": [order.sub_order_id],
            "requirements_met": requirements_met,
            "created_at": order.created_at, "updated_at": order.created_at,
        });
        if let Some(reference) = &order.customer_reference {
            json["customer_reference"] = reference.clone().into();
        }
        if let Some(profile) = &order.messaging_profile_id {
            json["messaging_profile_id"] = profile.clone().into();
        }
        json
    }
}

/// The detail of the lines of an order.
#[derive(Debug, Clone, Copy)]
enum Detail {
    Brief,
    Lines,
}

impl TelnyxOrderStatus {
    /// The vendor's name of it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}
