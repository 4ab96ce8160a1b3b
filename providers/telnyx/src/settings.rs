use agent_pool_core::Secret;
use agent_pool_core::settings::{Amount, Millis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

pub(crate) const PREFIX: &str = "TELNYX_";

#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Settings {
    /// The account's key.
    pub(crate) api_key: Secret,
    /// Where the API is.
    #[serde(default = "api_url")]
    pub(crate) api_url: Url,
    /// The messaging profile of every number. Not set: the one named `ap-<environment>`, made when missing.
    pub(crate) messaging_profile_id: Option<String>,
    /// Where numbers are bought, and where a profile that is made may send to.
    #[serde(default = "CountryCode::us")]
    pub(crate) country_code: CountryCode,
    /// No number that costs more at once is bought; in the account's currency.
    #[serde(default = "max_cost")]
    pub(crate) max_upfront_cost: Amount,
    /// No number that costs more each month is bought; in the account's currency.
    #[serde(default = "max_cost")]
    pub(crate) max_monthly_cost: Amount,
    /// The pause between two looks at an order or a new number.
    #[serde(default = "poll")]
    pub(crate) poll_ms: Millis,
    /// How long one call waits for an order and its number; later calls go on from there.
    #[serde(default = "fulfilment")]
    pub(crate) fulfilment_ms: Millis,
    /// How long an ordered number may be missing from lists and still counts as on its way. Too short,
    /// and a second number may be bought.
    #[serde(default = "settle")]
    pub(crate) settle_ms: Millis,
}

#[expect(clippy::expect_used, reason = "a constant")]
fn api_url() -> Url {
    Url::parse("https://api.telnyx.com/v2").expect("it is a URL")
}

fn max_cost() -> Amount {
    Amount::whole(5)
}

const fn poll() -> Millis {
    Millis::from_millis(1_000)
}

const fn fulfilment() -> Millis {
    Millis::from_millis(60_000)
}

const fn settle() -> Millis {
    Millis::from_millis(600_000)
}

/// A country by its ISO 3166 code of two capitals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline)]
pub(crate) struct CountryCode(String);

impl CountryCode {
    fn us() -> Self {
        Self("US".to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CountryCode {
    type Error = &'static str;

    fn try_from(code: String) -> Result<Self, Self::Error> {
        let fits = code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase());
        fits.then_some(Self(code))
            .ok_or("expected two capital letters")
    }
}
