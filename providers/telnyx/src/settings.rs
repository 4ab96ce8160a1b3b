use agent_pool_core::prelude::*;

use crate::country::CountryCode;
use crate::shared::{ChosenNumbers, ProfileCache};

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
    /// Webhook of a messaging profile that is created, for incoming texts and delivery reports.
    pub(crate) webhook_url: Option<Url>,
    /// Maximum spending of a messaging profile that is created, per day, in US dollars.
    pub(crate) daily_spend_limit: Option<Amount>,
    /// 10DLC campaign to which numbers are assigned. Without it US carriers drop the texts of local numbers.
    pub(crate) campaign_id: Option<String>,
    /// How many numbers the campaign may have. A carrier allows 49 without a special agreement.
    #[serde(default = "campaign_max_numbers")]
    pub(crate) campaign_max_numbers: u32,
    /// Country in which numbers are bought, and to which a profile that is created may send.
    #[serde(default = "CountryCode::us")]
    pub(crate) country_code: CountryCode,
    /// Type of the numbers: `local`, `toll_free`, `mobile` or `national`.
    #[serde(default)]
    pub(crate) number_type: NumberType,
    /// Requirement group of an order, for countries that need documents.
    pub(crate) requirement_group_id: Option<String>,
    /// Voice connection of the numbers.
    pub(crate) connection_id: Option<String>,
    /// Billing group of the numbers.
    pub(crate) billing_group_id: Option<String>,
    /// Highest one-time price of a number, in the account's currency.
    #[serde(default = "settings::amount::<5>")]
    pub(crate) max_upfront_cost: Amount,
    /// Highest monthly price of a number, in the account's currency.
    #[serde(default = "settings::amount::<5>")]
    pub(crate) max_monthly_cost: Amount,
    /// How many numbers of destroyed instances to keep for new ones. Each costs its monthly price.
    #[serde(default)]
    pub(crate) keep_numbers: u32,
    /// How long a kept number stays free before it is given away, because texts for its last owner may still arrive.
    #[serde(default = "settings::millis::<86_400_000>")]
    pub(crate) quarantine_ms: Millis,
    /// Pause between two checks of an order or a new number.
    #[serde(default = "settings::millis::<1_000>")]
    pub(crate) poll_ms: Millis,
    /// How long one call waits for an order and its number. A later call continues from there.
    #[serde(default = "settings::millis::<60_000>")]
    pub(crate) fulfilment_ms: Millis,
    /// How long a number that was ordered may be absent from the vendor's lists before another one is bought.
    #[serde(default = "settings::millis::<600_000>")]
    pub(crate) settle_ms: Millis,
    /// Price of a number per month of 730 hours, in US dollars: Telnyx sells local numbers of the US from $1
    /// (<https://telnyx.com/pricing/numbers>). Others cost more: set the price of yours.
    #[serde(default = "settings::amount::<1>")]
    #[expect(dead_code, reason = "it is read as a price")]
    price_per_month: Amount,
    /// The day on which this price was looked up.
    #[serde(default = "prices_as_of")]
    #[expect(dead_code, reason = "it is read as a price")]
    prices_as_of: String,
    #[serde(skip)]
    pub(crate) profiles: ProfileCache,
    #[serde(skip)]
    pub(crate) chosen: ChosenNumbers,
}

fn api_url() -> Url {
    settings::url("https://api.telnyx.com/v2")
}

fn prices_as_of() -> String {
    "2026-11-29".to_owned()
}

const fn campaign_max_numbers() -> u32 {
    49
}

/// The types of numbers that the vendor sells for texting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NumberType {
    #[default]
    Local,
    TollFree,
    Mobile,
    National,
}

impl NumberType {
    /// The word in the vendor's API.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::TollFree => "toll_free",
            Self::Mobile => "mobile",
            Self::National => "national",
        }
    }

    /// Whether texts need a 10DLC campaign in the US.
    pub(crate) const fn is_long_code(self) -> bool {
        !matches!(self, Self::TollFree)
    }
}

impl Telnyx {
    pub(crate) const fn polling(&self) -> Polling {
        Polling::new(self.poll_ms, self.fulfilment_ms)
    }
}
