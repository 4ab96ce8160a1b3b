//! The state of Telnyx: orders, numbers, reservations and messaging profiles.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::TelnyxOptions;
use crate::ids::Ids;
use crate::pace::Countdown;

/// The status of an order or of one of its lines [S].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TelnyxOrderStatus {
    /// In progress.
    Pending,
    /// Completed.
    Success,
    /// Failed, for example because another buyer was faster.
    Failure,
}

/// One number of an order. Its ID is not the ID of the phone number [S].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelnyxLine {
    /// The ID of the line.
    pub id: String,
    /// The number ordered.
    pub phone_number: String,
    /// Its status.
    pub status: TelnyxOrderStatus,
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelnyxOrder {
    /// Its ID.
    pub id: String,
    /// The ID of its only part, which can be cancelled.
    pub sub_order_id: String,
    /// Its status.
    pub status: TelnyxOrderStatus,
    /// Its numbers.
    pub lines: Vec<TelnyxLine>,
    /// The buyer's label; not unique [S].
    pub customer_reference: Option<String>,
    /// The profile of its numbers.
    pub messaging_profile_id: Option<String>,
    /// The voice connection of its numbers.
    pub connection_id: Option<String>,
    /// The billing group of its numbers.
    pub billing_group_id: Option<String>,
    /// The requirement group of its first number.
    pub requirement_group_id: Option<String>,
    /// When it was placed.
    pub created_at: String,
    #[serde(skip)]
    pub(crate) checked: Option<Countdown>,
    #[serde(skip)]
    pub(crate) progress: Option<Countdown>,
    #[serde(skip)]
    pub(crate) hidden: Option<Countdown>,
}

/// One number of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelnyxNumber {
    /// Its ID: digits.
    pub id: String,
    /// The number in E.164 form.
    pub phone_number: String,
    /// Its label, from the order or a PATCH.
    pub customer_reference: Option<String>,
    /// Its tags, from a PATCH.
    pub tags: Vec<String>,
    /// The assigned messaging profile.
    pub messaging_profile_id: Option<String>,
    /// The assigned voice connection.
    pub connection_id: Option<String>,
    /// When it was bought.
    pub created_at: String,
    #[serde(skip)]
    pub(crate) messaging: Option<Countdown>,
    #[serde(skip)]
    pub(crate) hidden: Option<Countdown>,
}

/// The assignment of a number to a 10DLC campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TelnyxAssignment {
    /// The number.
    pub phone_number: String,
    /// Its campaign.
    pub campaign_id: String,
    /// When it was requested.
    pub created_at: String,
    #[serde(skip)]
    pub(crate) progress: Option<Countdown>,
}

/// One messaging profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelnyxProfile {
    /// Its ID.
    pub id: String,
    /// Its name; not unique.
    pub name: String,
    /// Countries that it may send to.
    pub whitelisted_destinations: Vec<String>,
    /// Whether it is enabled.
    pub enabled: bool,
    /// The webhook for messages.
    pub webhook_url: Option<String>,
    /// Its daily limit in dollars, if any.
    pub daily_spend_limit: Option<String>,
    /// When it was created.
    pub created_at: String,
}

/// The current state of Telnyx.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelnyxState {
    /// Orders, oldest first.
    pub orders: Vec<TelnyxOrder>,
    /// Numbers of the account, oldest first.
    pub numbers: Vec<TelnyxNumber>,
    /// Messaging profiles, oldest first.
    pub profiles: Vec<TelnyxProfile>,
    /// Assignments of numbers to 10DLC campaigns, pending ones included.
    pub assignments: Vec<TelnyxAssignment>,
    /// Reserved numbers and their reservations.
    pub reserved: BTreeMap<String, String>,
}

/// The vendor: its state and its options.
#[derive(Debug)]
pub(crate) struct Telnyx {
    pub(crate) held: TelnyxState,
    pub(crate) options: TelnyxOptions,
    pub(crate) ids: Ids,
    /// Numbers of other programs, as in lists.
    pub(crate) foreign: Vec<Value>,
    /// Available numbers.
    pub(crate) stock: Vec<String>,
    /// Numbers that a search has returned.
    pub(crate) searched: BTreeSet<String>,
    /// Numbers that another buyer gets before our order completes.
    pub(crate) snatched: BTreeSet<String>,
}

impl PartialEq for Countdown {
    /// Progress is not part of the state that tests compare.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Countdown {}

impl Telnyx {
    pub(crate) fn new(options: TelnyxOptions, seed: u64) -> Self {
        let number = |index: usize| format!("+1415{:07}", 5_550_000 + index);
        Self {
            held: TelnyxState::default(),
            stock: (0..options.stock).map(number).collect(),
            ids: Ids::new(seed),
            options,
            foreign: Vec::new(),
            searched: BTreeSet::new(),
            snatched: BTreeSet::new(),
        }
    }
}

/// Whether an item is listed yet. Counts as a read.
pub(crate) fn listed(hidden: &mut Option<Countdown>) -> bool {
    hidden.as_mut().is_none_or(Countdown::read)
}
