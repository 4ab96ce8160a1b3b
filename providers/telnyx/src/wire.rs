//! Telnyx's JSON, as little of it as we use: <https://developers.telnyx.com/api>.

use std::collections::BTreeMap;

use agent_pool_core::prelude::*;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

use crate::Telnyx;

/// What a caller may ask of a number.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Area {
    pub(crate) area_code: Option<String>,
}

#[derive(Deserialize)]
struct List<T> {
    data: Vec<T>,
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    total_pages: u32,
}

/// Every item of a list that fits the filter.
pub(crate) async fn every<T: DeserializeOwned>(
    api: Api<'_>,
    list: &str,
    (filter, value): (&str, &str),
) -> Answer<Vec<T>> {
    let request = api
        .get([list])
        .query(filter, value)
        .query("page[size]", 250);
    let read = |List { data: items, meta }: List<T>, page: Option<u32>| {
        let next = page.unwrap_or(1) + 1;
        Page {
            items,
            next: (next <= meta.total_pages).then_some(next),
        }
    };
    request.pages("page[number]", read).await
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
    /// Whether it can send texts and costs no more than is allowed. A price that is not told is too high.
    pub(crate) fn suits(&self, caps: &Telnyx) -> bool {
        let within =
            |price: &str, cap: Amount| price.parse().is_ok_and(|price: f64| price <= cap.get());
        self.features.iter().any(|feature| feature.name == "sms")
            && self.cost_information.as_ref().is_some_and(|cost| {
                within(&cost.upfront_cost, caps.max_upfront_cost)
                    && within(&cost.monthly_cost, caps.max_monthly_cost)
            })
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) status: OrderStatus,
    created_at: Option<String>,
    pub(crate) customer_reference: Option<String>,
    requirements_met: Option<bool>,
    #[serde(default)]
    pub(crate) sub_number_orders_ids: Vec<String>,
}

/// `failure`, and what the guides call `cancelled` and `deleted`: no number comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OrderStatus {
    Pending,
    Success,
    #[serde(alias = "cancelled", alias = "deleted")]
    Failure,
}

impl Order {
    /// Whether there is nothing to wait for: it is through, failed, or waits for papers.
    pub(crate) fn is_settled(&self) -> bool {
        self.status != OrderStatus::Pending || self.requirements_met == Some(false)
    }

    /// Whether it was placed since then. One without a time is as young as can be.
    pub(crate) fn is_younger_than(&self, age: Duration) -> bool {
        let created = self
            .created_at
            .as_deref()
            .and_then(|at| at.parse::<DateTime<Utc>>().ok());
        created.is_none_or(|at| (Utc::now() - at).to_std().unwrap_or_default() < age)
    }
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

    /// What may be a label of ours.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        self.customer_reference
            .iter()
            .chain(&self.tags)
            .map(String::as_str)
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

#[derive(Deserialize)]
struct Refusal {
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    code: String,
    title: Option<String>,
    #[serde(alias = "description")]
    detail: Option<String>,
    source: Option<BTreeMap<String, Value>>,
}

impl Fault {
    fn text(&self) -> String {
        let words = [
            Some(&*self.code),
            self.title.as_deref(),
            self.detail.as_deref(),
        ]
        .into_iter()
        .flatten();
        let source = self
            .source
            .iter()
            .flatten()
            .filter_map(|(_, place)| place.as_str());
        words.chain(source).collect::<Vec<_>>().join(": ")
    }
}

/// A code is a string of digits: <https://developers.telnyx.com/docs/overview/errors> (seen August 2026).
pub(crate) fn fault(reply: &Reply) -> Option<VendorFault> {
    let faults = reply.json::<Refusal>().ok()?.errors;
    let code = faults.first()?.code.as_str();
    let kind = match code {
        "20002" | "20006" | "20008" => Some(ErrorKind::Unauthorized),
        "20012" | "20013" | "20014" | "20016" | "20017" | "10038" | "10039" | "20100" => {
            Some(ErrorKind::Forbidden)
        }
        // 85…: another number is to be taken; this one was not searched for, is gone, is reserved.
        "85000" | "85001" | "85006" | "10012" | "10021" | "10036" => Some(ErrorKind::Conflict),
        "10007" | "10008" => Some(ErrorKind::Unavailable),
        _ => None,
    };
    let message = faults
        .iter()
        .map(Fault::text)
        .collect::<Vec<_>>()
        .join("; ");
    let retry_after = (code == "10036").then_some(Duration::from_secs(2));
    Some(VendorFault {
        kind,
        message,
        retry_after,
    })
}

/// What goes on at the vendor and is to be looked at by a later call.
pub(crate) fn late(problem: &'static str) -> ProviderError {
    ProviderError::new(ErrorKind::Unavailable, problem)
}
