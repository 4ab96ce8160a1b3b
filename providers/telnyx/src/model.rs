//! Telnyx's JSON, as little of it as we use.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Deserialize)]
pub(crate) struct List<T> {
    pub(crate) data: Vec<T>,
    pub(crate) meta: Meta,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Meta {
    pub(crate) total_pages: u32,
}

/// A number that can be bought.
#[derive(Debug, Deserialize)]
pub(crate) struct Offer {
    pub(crate) phone_number: String,
    cost_information: Option<Cost>,
    #[serde(default)]
    features: Vec<Feature>,
}

#[derive(Debug, Deserialize)]
struct Cost {
    upfront_cost: String,
    monthly_cost: String,
}

#[derive(Debug, Deserialize)]
struct Feature {
    name: String,
}

impl Offer {
    /// Whether it can send texts and costs no more than that. A price that is not told is too high.
    pub(crate) fn suits(&self, upfront: f64, monthly: f64) -> bool {
        let within = |price: &str, most: f64| price.parse().is_ok_and(|price: f64| price <= most);
        let cost = self.cost_information.as_ref();
        self.features.iter().any(|feature| feature.name == "sms")
            && cost.is_some_and(|cost| within(&cost.upfront_cost, upfront))
            && cost.is_some_and(|cost| within(&cost.monthly_cost, monthly))
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct NewOrder<'a> {
    phone_numbers: [Value; 1],
    messaging_profile_id: &'a str,
    customer_reference: &'a str,
}

impl<'a> NewOrder<'a> {
    pub(crate) fn new(number: &str, profile: &'a str, reference: &'a str) -> Self {
        Self {
            phone_numbers: [json!({ "phone_number": number })],
            messaging_profile_id: profile,
            customer_reference: reference,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) status: OrderStatus,
    pub(crate) created_at: Option<String>,
    pub(crate) customer_reference: Option<String>,
    pub(crate) requirements_met: Option<bool>,
    #[serde(default)]
    pub(crate) sub_number_orders_ids: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OrderStatus {
    Pending,
    Success,
    /// `failure`, and what the guides call `cancelled` and `deleted`: no number comes of it.
    #[serde(alias = "cancelled", alias = "deleted")]
    Failure,
}

/// A number that is the account's.
#[derive(Debug, Deserialize)]
pub(crate) struct Number {
    pub(crate) id: String,
    pub(crate) phone_number: String,
    pub(crate) customer_reference: Option<String>,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    pub(crate) created_at: Option<String>,
    status: String,
}

impl Number {
    /// Whether it is, or will be, the account's; lists may hold numbers of the past.
    pub(crate) fn is_held(&self) -> bool {
        let past = ["deleted", "purchase-failed", "port-failed", "ported-out"];
        !past.contains(&self.status.as_str())
    }

    /// The labels that it bears.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        let reference = self.customer_reference.as_deref();
        reference
            .into_iter()
            .chain(self.tags.iter().map(String::as_str))
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Messaging {
    pub(crate) messaging_profile_id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Profile {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) created_at: String,
}
