//! How Telnyx is set up.

use serde::{Deserialize, Serialize};

use crate::Pace;

/// Stock, money and slowness of Telnyx.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TelnyxOptions {
    /// The keys that are accepted.
    pub api_keys: Vec<String>,
    /// The one country with numbers.
    pub country: String,
    /// Numbers in stock.
    pub stock: usize,
    /// Dollars to spend; each number costs one up-front.
    pub balance: f64,
    /// How long an order stays pending; reads are reads of that order, alone or in the list.
    pub order_pace: Pace,
    /// How long `/phone_numbers/{id}/messaging` answers 404 after the order went through [U].
    pub messaging_pace: Pace,
    /// How long orders and numbers are missing from lists; whether they lag is not known [?].
    pub list_pace: Pace,
    /// False: orders wait for papers, until they are cancelled [D].
    pub requirements_met: bool,
    /// An order says `requirements_met: false` until it has been read this many times [O].
    pub requirements_pace: Pace,
    /// The account's active 10DLC campaigns.
    pub campaigns: Vec<String>,
    /// How long carriers take to accept a number for a campaign; hours to days [O].
    pub campaign_pace: Pace,
}

impl Default for TelnyxOptions {
    fn default() -> Self {
        Self {
            api_keys: vec!["KEYfake".into()],
            country: "US".into(),
            stock: 500,
            balance: 1000.0,
            order_pace: Pace::Reads(1),
            messaging_pace: Pace::Reads(1),
            list_pace: Pace::AT_ONCE,
            requirements_met: true,
            requirements_pace: Pace::AT_ONCE,
            campaigns: vec!["campaign-1".into()],
            campaign_pace: Pace::Reads(1),
        }
    }
}
