//! What Telnyx holds: orders, numbers, reservations and messaging profiles.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::TelnyxOptions;
use crate::ids::Ids;
use crate::pace::Countdown;

/// Where an order or one of its lines stands [S].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TelnyxOrderStatus {
    /// Under way.
    Pending,
    /// Through.
    Success,
    /// Lost, to another buyer for one.
    Failure,
}

/// One number of an order. Its id is not the id of the phone number [S].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelnyxLine {
    /// The line's own id.
    pub id: String,
    /// The number ordered.
    pub phone_number: String,
    /// Where it stands.
    pub status: TelnyxOrderStatus,
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelnyxOrder {
    /// Its id.
    pub id: String,
    /// The id of its one part, which can be cancelled.
    pub sub_order_id: String,
    /// Where it stands.
    pub status: TelnyxOrderStatus,
    /// Its numbers.
    pub lines: Vec<TelnyxLine>,
    /// The buyer's label; not unique [S].
    pub customer_reference: Option<String>,
    /// The profile that its numbers come up with.
    pub messaging_profile_id: Option<String>,
    /// The voice connection that its numbers come up with.
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

/// One number that is ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelnyxNumber {
    /// Digits.
    pub id: String,
    /// E.164.
    pub phone_number: String,
    /// Label, from the order or a PATCH.
    pub customer_reference: Option<String>,
    /// Tags, from a PATCH.
    pub tags: Vec<String>,
    /// The messaging profile assigned.
    pub messaging_profile_id: Option<String>,
    /// The voice connection assigned.
    pub connection_id: Option<String>,
    /// When it was bought.
    pub created_at: String,
    #[serde(skip)]
    pub(crate) messaging: Option<Countdown>,
    #[serde(skip)]
    pub(crate) hidden: Option<Countdown>,
}

/// A number's place in a 10DLC campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TelnyxAssignment {
    /// The number.
    pub phone_number: String,
    /// Its campaign.
    pub campaign_id: String,
    /// When it was asked for.
    pub created_at: String,
    #[serde(skip)]
    pub(crate) progress: Option<Countdown>,
}

/// One messaging profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelnyxProfile {
    /// Its id.
    pub id: String,
    /// Its name; not unique.
    pub name: String,
    /// Countries that it may send to.
    pub whitelisted_destinations: Vec<String>,
    /// Whether it works.
    pub enabled: bool,
    /// Where messages are reported.
    pub webhook_url: Option<String>,
    /// Dollars that it may spend in a day, if there is a limit.
    pub daily_spend_limit: Option<String>,
    /// When it was made.
    pub created_at: String,
}

/// All that Telnyx holds now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelnyxState {
    /// Orders, oldest first.
    pub orders: Vec<TelnyxOrder>,
    /// Numbers that are ours, oldest first.
    pub numbers: Vec<TelnyxNumber>,
    /// Messaging profiles, oldest first.
    pub profiles: Vec<TelnyxProfile>,
    /// Numbers that are in a 10DLC campaign or on the way into one.
    pub assignments: Vec<TelnyxAssignment>,
    /// Reserved numbers and the reservation that holds each.
    pub reserved: BTreeMap<String, String>,
}

/// The vendor: what it holds and how it is set up.
#[derive(Debug)]
pub(crate) struct Telnyx {
    pub(crate) held: TelnyxState,
    pub(crate) options: TelnyxOptions,
    pub(crate) ids: Ids,
    /// Numbers of other programs, as lists show them.
    pub(crate) foreign: Vec<Value>,
    /// Numbers that can be had.
    pub(crate) stock: Vec<String>,
    /// Numbers that a search has returned.
    pub(crate) searched: BTreeSet<String>,
    /// Numbers that another buyer takes before our order is through.
    pub(crate) snatched: BTreeSet<String>,
}

impl PartialEq for Countdown {
    /// Progress is no part of what is held.
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

/// Whether a thing is in lists yet; the look counts as a read.
pub(crate) fn listed(hidden: &mut Option<Countdown>) -> bool {
    hidden.as_mut().is_none_or(Countdown::read)
}
