use agent_pool_core::http::{Data, Page, VendorHttp, VendorRequest, pages};
use agent_pool_core::settings::SettingsError;
use agent_pool_core::{Context, ProviderError};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::error;
use crate::model::{List, Messaging, NewOrder, Number, Offer, Order, Profile};
use crate::settings::Settings;

/// The API, one method per endpoint.
#[derive(Debug)]
pub(crate) struct Client {
    http: VendorHttp,
}

type Answer<T> = Result<T, ProviderError>;

impl Client {
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let http = VendorHttp::new(settings.api_url.clone())
            .bearer(&settings.api_key, "TELNYX_API_KEY")?
            .faults(error::read);
        Ok(Self { http })
    }

    pub(crate) async fn offers(
        &self,
        cx: &Context,
        country: &str,
        area: Option<&str>,
    ) -> Answer<Vec<Offer>> {
        let request = self.http.get(["available_phone_numbers"]);
        let request = request.query("filter[country_code]", country);
        let request = request
            .query("filter[features][]", "sms")
            .query("filter[limit]", 20);
        data(
            request.query_each("filter[national_destination_code]", area),
            cx,
        )
        .await
    }

    /// Not idempotent: each one buys.
    pub(crate) async fn order(&self, cx: &Context, order: &NewOrder<'_>) -> Answer<Order> {
        data(self.http.post(["number_orders"]).json(order), cx).await
    }

    pub(crate) async fn order_by_id(&self, cx: &Context, id: &str) -> Answer<Order> {
        data(self.http.get(["number_orders", id]), cx).await
    }

    pub(crate) async fn orders(&self, cx: &Context, reference: &str) -> Answer<Vec<Order>> {
        let filter = ("filter[customer_reference]", reference);
        self.every(cx, "number_orders", filter).await
    }

    pub(crate) async fn cancel_part(&self, cx: &Context, part: &str) -> Answer<()> {
        let request = self.http.patch(["sub_number_orders", part, "cancel"]);
        request.done(cx).await.map(drop)
    }

    /// Every number of the account.
    pub(crate) async fn all_numbers(&self, cx: &Context) -> Answer<Vec<Number>> {
        self.every(cx, "phone_numbers", ("sort", "phone_number"))
            .await
    }

    pub(crate) async fn numbers_of(&self, cx: &Context, reference: &str) -> Answer<Vec<Number>> {
        let filter = ("filter[customer_reference]", reference);
        self.every(cx, "phone_numbers", filter).await
    }

    /// The vendor wants three digits at least; with fewer there is no such number.
    pub(crate) async fn numbers_like(&self, cx: &Context, number: &str) -> Answer<Vec<Number>> {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        if digits.len() < 3 {
            return Ok(Vec::new());
        }
        self.every(cx, "phone_numbers", ("filter[phone_number]", &digits))
            .await
    }

    /// By the number's id, or by the number itself.
    pub(crate) async fn delete_number(&self, cx: &Context, id: &str) -> Answer<()> {
        self.http
            .delete(["phone_numbers", id])
            .done(cx)
            .await
            .map(drop)
    }

    pub(crate) async fn messaging(&self, cx: &Context, id: &str) -> Answer<Messaging> {
        data(self.http.get(["phone_numbers", id, "messaging"]), cx).await
    }

    pub(crate) async fn assign(&self, cx: &Context, id: &str, profile: &str) -> Answer<Messaging> {
        let change = json!({ "messaging_profile_id": profile });
        data(
            self.http
                .patch(["phone_numbers", id, "messaging"])
                .json(&change),
            cx,
        )
        .await
    }

    pub(crate) async fn tag(&self, cx: &Context, id: &str, tag: &str) -> Answer<Number> {
        data(
            self.http
                .patch(["phone_numbers", id])
                .json(&json!({ "tags": [tag] })),
            cx,
        )
        .await
    }

    pub(crate) async fn profiles(&self, cx: &Context, name: &str) -> Answer<Vec<Profile>> {
        self.every(cx, "messaging_profiles", ("filter[name][eq]", name))
            .await
    }

    pub(crate) async fn create_profile(
        &self,
        cx: &Context,
        name: &str,
        destination: &str,
    ) -> Answer<Profile> {
        let profile = json!({ "name": name, "whitelisted_destinations": [destination] });
        data(self.http.post(["messaging_profiles"]).json(&profile), cx).await
    }

    pub(crate) async fn delete_profile(&self, cx: &Context, id: &str) -> Answer<()> {
        self.http
            .delete(["messaging_profiles", id])
            .done(cx)
            .await
            .map(drop)
    }

    pub(crate) async fn check_balance(&self, cx: &Context) -> Answer<()> {
        self.http.get(["balance"]).done(cx).await.map(drop)
    }

    async fn every<T: DeserializeOwned>(
        &self,
        cx: &Context,
        list: &str,
        (name, value): (&str, &str),
    ) -> Answer<Vec<T>> {
        pages(|page| async move {
            let page = page.unwrap_or(1);
            let request = self.http.get([list]).query(name, value);
            let request = request.query("page[size]", 250).query("page[number]", page);
            let List { data: items, meta } = request.fetch(cx).await?;
            let next = (page < meta.total_pages).then_some(page + 1);
            Ok(Page { items, next })
        })
        .await
    }
}

async fn data<T: DeserializeOwned>(request: VendorRequest<'_>, cx: &Context) -> Answer<T> {
    let answer: Data<T> = request.fetch(cx).await?;
    Ok(answer.data)
}
