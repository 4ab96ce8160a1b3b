//! The options of Telnyx.

use serde::{Deserialize, Serialize};

use crate::Pace;

/// Stock, balance and delays of Telnyx.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TelnyxOptions {
    /// The accepted keys.
    pub api_keys: Vec<String>,
    /// The only country with numbers.
    pub country: String,
    /// Numbers in stock.
    pub stock: usize,
    /// The balance in dollars; each number costs one dollar up front.
    pub balance: f64,
    /// How long an order stays pending; reads are reads of that order, alone or in a list.
    pub order_pace: Pace,
    /// How long `/phone_numbers/{id}/messaging` answers 404 after the order completed [U].
    pub messaging_pace: Pace,
    /// How long orders and numbers are missing from lists; whether they lag is not known [?].
    pub list_pace: Pace,
    /// If false, orders wait for documents until they are cancelled [D].
    pub requirements_met: bool,
    /// Number of reads until an order says `requirements_met: true` [O].
    pub requirements_pace: Pace,
    /// The account's active 10DLC campaigns.
    pub campaigns: Vec<String>,
    /// How long carriers take to accept a number for a campaign; hours to days in reality [O].
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
