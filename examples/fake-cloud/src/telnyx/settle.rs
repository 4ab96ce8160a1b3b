//! The completion of orders: numbers become active, or another buyer was faster.

use super::state::{Telnyx, TelnyxNumber, TelnyxOrder, TelnyxOrderStatus};
use crate::Pace;
use crate::pace::Countdown;
use crate::time;

impl Telnyx {
    /// Completes every order that is due.
    pub(crate) fn settle_at_once(&mut self) {
        if !self.options.requirements_met {
            return; // it waits for documents that never arrive [D]
        }
        let due = |order: &TelnyxOrder| {
            order.status == TelnyxOrderStatus::Pending
                && order.progress.is_some_and(Countdown::done)
        };
        let mut orders = std::mem::take(&mut self.held.orders);
        for order in orders.iter_mut().filter(|order| due(order)) {
            self.finish(order);
        }
        self.held.orders = orders;
    }

    /// Makes every pending order due, and completes it.
    pub(crate) fn fulfil(&mut self) {
        for order in &mut self.held.orders {
            order.progress = Some(Pace::AT_ONCE.start());
        }
        self.settle_at_once();
    }

    /// A line whose number another buyer got fails, and so does its order.
    fn finish(&mut self, order: &mut TelnyxOrder) {
        order.status = TelnyxOrderStatus::Success;
        for line in &mut order.lines {
            if self.snatched.contains(&line.phone_number) {
                line.status = TelnyxOrderStatus::Failure;
                order.status = TelnyxOrderStatus::Failure;
                continue;
            }
            line.status = TelnyxOrderStatus::Success;
            self.held.reserved.remove(&line.phone_number);
            self.held.numbers.push(TelnyxNumber {
                // Digits, not the line's ID [S].
                id: self.ids.digits(19),
                phone_number: line.phone_number.clone(),
                customer_reference: order.customer_reference.clone(),
                tags: Vec::new(),
                messaging_profile_id: order.messaging_profile_id.clone(),
                connection_id: order.connection_id.clone(),
                created_at: time::now(),
                messaging: Some(self.options.messaging_pace.start()),
                hidden: Some(self.options.list_pace.start()),
            });
        }
    }
}
