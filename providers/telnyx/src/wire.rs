//! The part of Telnyx's JSON that is used: <https://developers.telnyx.com/api-reference>.

use std::time::SystemTime;

use agent_pool_core::prelude::*;
use chrono::{DateTime, Utc};

use crate::country::CountryCode;

/// The options of a provision.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NumberOptions {
    pub(crate) area_code: Option<String>,
}

/// A page of a list whose pages have numbers.
#[derive(Debug, Deserialize)]
struct NumberedPage<T> {
    data: Vec<ListItem<T>>,
    meta: Meta,
}

#[derive(Debug, Deserialize)]
struct Meta {
    total_pages: u32,
}

/// Every item of a list, 250 to a page, which is the most that the vendor allows.
pub(crate) async fn fetch_all<T>(request: VendorRequest<'_>) -> ProviderResult<Vec<T>>
where
    T: DeserializeOwned + Send,
{
    let read = |page: NumberedPage<T>, number: Option<u32>| {
        let next = number.unwrap_or(1) + 1;
        Page {
            items: page.data,
            next: (next <= page.meta.total_pages).then_some(next),
        }
    };
    let request = request.query("page[size]", 250);
    request.fetch_pages("page[number]", read).await
}

/// The filter for numbers and orders with one of our labels.
pub(crate) const BY_REFERENCE: &str = "filter[customer_reference]";

/// A number of the account.
#[derive(Debug, Deserialize)]
pub(crate) struct Number {
    pub(crate) id: String,
    pub(crate) phone_number: String,
    pub(crate) customer_reference: Option<String>,
    pub(crate) created_at: Option<String>,
    status: String,
}

impl Number {
    /// Whether it belongs or will belong to the account; lists may contain former numbers.
    pub(crate) fn is_held(&self) -> bool {
        let past = ["deleted", "purchase-failed", "port-failed", "ported-out"];
        !past.contains(&self.status.as_str())
    }

    pub(crate) fn label(&self) -> Option<&str> {
        self.customer_reference.as_deref()
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct NewOrder<'a> {
    pub(crate) phone_numbers: [NewOrderLine<'a>; 1],
    pub(crate) messaging_profile_id: &'a str,
    pub(crate) customer_reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connection_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) billing_group_id: Option<&'a str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct NewOrderLine<'a> {
    pub(crate) phone_number: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) requirement_group_id: Option<&'a str>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) status: OrderStatus,
    pub(crate) customer_reference: Option<String>,
    pub(crate) requirements_met: Option<bool>,
    #[serde(default)]
    pub(crate) sub_number_orders_ids: Vec<String>,
    created_at: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OrderStatus {
    Pending,
    Success,
    Failure,
}

impl Order {
    /// Whether it has a number or may still get one. A successful order older than `settle` without a number in the
    /// lists is one whose number was released.
    pub(crate) fn is_live(&self, settle: Duration) -> bool {
        match self.status {
            OrderStatus::Pending => true,
            OrderStatus::Success => age(self.created_at.as_deref()).is_none_or(|age| age < settle),
            OrderStatus::Failure => false,
        }
    }
}

/// The time since a timestamp of the vendor; zero if it is in the future.
fn age(time: Option<&str>) -> Option<Duration> {
    let time: DateTime<Utc> = time?.parse().ok()?;
    let now = SystemTime::now();
    Some(now.duration_since(time.into()).unwrap_or_default())
}

/// A number that can be bought.
#[derive(Debug, Deserialize)]
pub(crate) struct Offer {
    pub(crate) phone_number: String,
    #[serde(default)]
    pub(crate) features: Vec<Feature>,
    pub(crate) cost_information: Cost,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Feature {
    pub(crate) name: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Cost {
    pub(crate) upfront_cost: Value,
    pub(crate) monthly_cost: Value,
}

#[derive(Debug, Serialize)]
pub(crate) struct NewProfile<'a> {
    pub(crate) name: &'a str,
    pub(crate) whitelisted_destinations: [CountryCode; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) webhook_url: Option<&'a Url>,
    /// A text, not a number, in the vendor's API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) daily_spend_limit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) daily_spend_limit_enabled: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Profile {
    pub(crate) id: String,
    /// Names are not unique.
    pub(crate) name: String,
    /// A text that sorts by time.
    #[serde(default)]
    pub(crate) created_at: String,
}

/// A code is a string of digits: <https://developers.telnyx.com/docs/overview/errors> (seen August 2026).
pub(crate) const FAULTS: FaultTable = FaultTable {
    code: "/errors/0/code",
    messages: &["/errors"],
    kinds: &[
        (ErrorKind::Unauthorized, "20002 20006 20008"),
        (ErrorKind::Forbidden, "20012 20013 20014 20016 20017"),
        (ErrorKind::Forbidden, "20100 10038 10039"),
        // 85…: this number was not searched for, is sold, or is reserved. Another one must be taken.
        (ErrorKind::Conflict, "85000 85001 85006 10012 10021 10036"),
        (ErrorKind::Unavailable, "10007 10008"),
    ],
    passing_codes: "10036",
    ..FaultTable::BY_STATUS
};

#[cfg(test)]
mod tests {
    use super::*;

    fn is_live(status: &str, created_at: &str) -> bool {
        let order = json!({ "id": "7", "status": status, "created_at": created_at });
        let order: Order = serde_json::from_value(order).unwrap();
        order.is_live(Duration::from_secs(600))
    }

    #[test]
    fn a_successful_order_is_live_until_the_lists_have_settled() {
        assert!(is_live("pending", "2026-01-01T00:00:00Z"));
        assert!(!is_live("success", "2026-01-01T00:00:00Z"));
        assert!(is_live("success", "9999-01-01T00:00:00Z"));
        assert!(is_live("success", "yesterday"));
        assert!(!is_live("failure", "9999-01-01T00:00:00Z"));
    }
}
