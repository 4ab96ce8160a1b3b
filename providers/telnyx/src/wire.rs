//! Telnyx's JSON, as little of it as we use: <https://developers.telnyx.com/api>.

use agent_pool_core::prelude::*;

/// What a caller may ask of a number.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Area {
    pub(crate) area_code: Option<String>,
}

/// Every item of a list that fits the filter.
pub(crate) async fn every<T: DeserializeOwned>(
    api: Api<'_>,
    list: &str,
    filter: &str,
    value: &str,
) -> Answer<Vec<T>> {
    let request = api.get([list]).query(filter, value);
    let request = request.query("page[size]", 250);
    request.pages("page[number]", Numbered::page).await
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

/// `failure`, and what the guides call `cancelled` and `deleted`: no number comes of it.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OrderStatus {
    Pending,
    Success,
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
    created_at: Option<String>,
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
        let all = self.customer_reference.iter().chain(&self.tags);
        all.map(String::as_str)
    }

    pub(crate) fn found(&self) -> impl Iterator<Item = Found> {
        let found = |label| Found::new(&self.phone_number, label);
        let made_at = |found: Found| found.made_at(self.created_at.clone());
        self.labels().map(found).map(made_at)
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Profile {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) created_at: String,
}

/// A code is a string of digits: <https://developers.telnyx.com/docs/overview/errors> (seen August 2026).
pub(crate) const FAULTS: FaultTable = FaultTable {
    code: "/errors/0/code",
    words: &["/errors"],
    kinds: &[
        (ErrorKind::Unauthorized, &["20002", "20006", "20008"]),
        (
            ErrorKind::Forbidden,
            &[
                "20012", "20013", "20014", "20016", "20017", "20100", "10038", "10039",
            ],
        ),
        // 85…: another number is to be taken; this one was not searched for, is gone, is reserved.
        (
            ErrorKind::Conflict,
            &["85000", "85001", "85006", "10012", "10021", "10036"],
        ),
        (ErrorKind::Unavailable, &["10007", "10008"]),
    ],
    passing: &["10036"],
};
