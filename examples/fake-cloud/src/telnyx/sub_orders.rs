//! The part of an order that can be cancelled while it waits for documents.

use serde_json::json;

use super::error;
use super::state::{Telnyx, TelnyxOrderStatus};
use crate::http::{Answer, Call};

impl Telnyx {
    /// Cancels a pending order; a completed one stays [D]. The enum of the specification has no
    /// value for cancelled, so it becomes a `failure` [S].
    pub(crate) fn cancel_sub_order(&mut self, call: &Call) -> Result<Answer, Answer> {
        self.settle_at_once();
        let id = call.segment(0);
        let order = self
            .held
            .orders
            .iter_mut()
            .find(|order| order.sub_order_id == id);
        let order = order.ok_or_else(error::not_found)?;
        if order.status != TelnyxOrderStatus::Pending {
            return Err(error::refuse(
                422,
                "10015",
                "Only pending orders can be cancelled.",
            ));
        }
        order.status = TelnyxOrderStatus::Failure;
        for line in &mut order.lines {
            line.status = TelnyxOrderStatus::Failure;
            self.stock.push(line.phone_number.clone());
        }
        let mut data = json!({
            "id": id, "order_request_id": order.id, "record_type": "sub_number_order",
            "country_code": self.options.country, "phone_number_type": "local",
            "phone_numbers_count": order.lines.len(), "status": order.status,
            "requirements_met": self.options.requirements_met, "regulatory_requirements": [],
            "is_block_sub_number_order": false,
            "created_at": order.created_at, "updated_at": order.created_at,
        });
        if let Some(reference) = &order.customer_reference {
            data["customer_reference"] = reference.clone().into();
        }
        Ok(Answer::ok(json!({"data": data})))
    }
}
