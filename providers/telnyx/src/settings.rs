use agent_pool_core::prelude::*;

use crate::country::CountryCode;
use crate::profile::ProfileCache;

/// Gives each instance a phone number.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Telnyx {
    /// The account's key.
    pub(crate) api_key: Secret,
    /// URL of the API.
    #[serde(default = "api_url")]
    pub(crate) api_url: Url,
    /// Messaging profile of every number. Default: the one named `ap-<environment>`, which is created if absent.
    pub(crate) messaging_profile_id: Option<String>,
    /// Country in which numbers are bought, and to which a profile that is created may send.
    #[serde(default = "CountryCode::us")]
    pub(crate) country_code: CountryCode,
    /// Highest one-time price of a number, in the account's currency.
    #[serde(default = "settings::amount::<5>")]
    pub(crate) max_upfront_cost: Amount,
    /// Highest monthly price of a number, in the account's currency.
    #[serde(default = "settings::amount::<5>")]
    pub(crate) max_monthly_cost: Amount,
    /// Pause between two looks at an order or a new number.
    #[serde(default = "settings::millis::<1_000>")]
    pub(crate) poll_ms: Millis,
    /// How long one call waits for an order and its number. A later call continues from there.
    #[serde(default = "settings::millis::<60_000>")]
    pub(crate) fulfilment_ms: Millis,
    /// How long a number that was ordered may be absent from the vendor's lists before another one is bought.
    #[serde(default = "settings::millis::<600_000>")]
    pub(crate) settle_ms: Millis,
    #[serde(skip)]
    pub(crate) profiles: ProfileCache,
}

fn api_url() -> Url {
    settings::url("https://api.telnyx.com/v2")
}

impl Telnyx {
    pub(crate) const fn polling(&self) -> Polling {
        Polling::new(self.poll_ms, self.fulfilment_ms)
    }
}
