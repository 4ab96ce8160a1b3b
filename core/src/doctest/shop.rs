//! A vendor that sells numbers by orders.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::{Vendor, vendor};
use crate::conformance::{FakeAnswer, FakeRequest};
use crate::http::{Answer, Api, Ordered, Progress, Purchase};

/// A shop with three numbers, which answers `GET /orders?tag=`, `GET /orders/{id}`, `GET /numbers?tag=`,
/// `GET /offers` and `POST /orders` with `{"number", "tag"}`.
#[must_use]
pub fn shop() -> Vendor {
    let mut orders: Vec<Value> = Vec::new();
    vendor(move |asked: &FakeRequest| {
        let tag = asked.query("tag").unwrap_or_default();
        let tagged = orders.iter().filter(|order| order["tag"] == tag);
        let answer = match (asked.method(), &asked.path()[1..]) {
            ("GET", ["orders"]) => tagged.cloned().collect(),
            ("GET", ["orders", id]) => orders.iter().find(|order| order["id"] == *id)?.clone(),
            ("GET", ["numbers"]) => tagged.map(|order| order["number"].clone()).collect(),
            ("GET", ["offers"]) => json!(["+15550100", "+15550101", "+15550102"]),
            ("POST", ["orders"]) => {
                let mut order = asked.body().clone();
                order["id"] = format!("order-{}", orders.len() + 1).into();
                order["status"] = "success".into();
                orders.push(order.clone());
                order
            }
            _ => return None,
        };
        Some(FakeAnswer::json(200, &answer))
    })
}

/// Numbers of the [`shop`].
#[derive(Debug)]
pub struct Numbers;

#[async_trait]
impl Purchase for Numbers {
    type Thing = String;
    const NOTHING_SUITS: &'static str = "there is no number";

    async fn held(&self, api: Api<'_>, label: &str) -> Answer<Option<String>> {
        let mut held: Vec<String> = api.get(["numbers"]).query("tag", label).fetch().await?;
        Ok(held.pop())
    }

    async fn orders(&self, api: Api<'_>, label: &str) -> Answer<Vec<Ordered>> {
        api.get(["orders"]).query("tag", label).fetch().await
    }

    async fn offers(&self, api: Api<'_>) -> Answer<Vec<String>> {
        api.get(["offers"]).fetch().await
    }

    async fn order(&self, api: Api<'_>, label: &str, offer: &str) -> Answer<String> {
        let order = api.post(["orders"]);
        let order = order.json(&json!({ "number": offer, "tag": label }));
        Ok(order.fetch::<Ordered>().await?.id)
    }

    async fn progress(&self, api: Api<'_>, order: &str) -> Answer<Progress> {
        let order: Ordered = api.get(["orders", order]).fetch().await?;
        Ok(order.status)
    }
}
