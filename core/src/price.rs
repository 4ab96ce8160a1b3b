//! What a resource of a provider costs: settings that every provider has, with the provider's own defaults.

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::layer::prefix_of;
use crate::settings::{self, Amount, Environment, SettingSpec, SettingsError};

/// Millionths of a US dollar in a dollar.
const MICROS: f64 = 1e6;
/// Hours of a month, as vendors count them: 8,760 hours of a year by 12.
const HOURS_OF_MONTH: u64 = 730;

/// The prices of one provider, as an operator sets them.
///
/// A provider whose vendor has public prices declares fields of the same names among its own settings, with its prices
/// as their defaults: see [`LayerSettings::read_with`](crate::layer::LayerSettings::read_with).
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub(crate) struct PriceSettings {
    /// What one resource costs for an hour, in US dollars.
    #[serde(default = "settings::amount::<0>")]
    price_per_hour: Amount,
    /// What one resource costs for a month of 730 hours, in US dollars, in addition.
    #[serde(default = "settings::amount::<0>")]
    price_per_month: Amount,
    /// What one resource costs once, when it is created, in US dollars.
    #[serde(default = "settings::amount::<0>")]
    price_once: Amount,
    /// The day on which these prices were looked up, such as 2026-11-29.
    prices_as_of: Option<NaiveDate>,
}

impl PriceSettings {
    /// The reference of the prices of the provider `id`.
    pub(crate) fn describe(id: &str) -> Vec<SettingSpec> {
        settings::describe::<Self>(&prefix_of(id))
    }

    /// The prices of the provider `id`, whose own settings are `own`.
    pub(crate) fn read_with(
        id: &str,
        own: &[SettingSpec],
        environment: &Environment,
    ) -> Result<Price, SettingsError> {
        let environment = settings::with_defaults(&Self::describe(id), own, environment);
        let read: Self = settings::read(&prefix_of(id), &environment)?;
        Ok(Price {
            per_hour_micros: micros(read.price_per_hour),
            per_month_micros: micros(read.price_per_month),
            once_micros: micros(read.price_once),
            as_of: read.prices_as_of,
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an amount is not negative, and a cast of one that is too large saturates"
)]
fn micros(amount: Amount) -> u64 {
    (amount.get() * MICROS).round() as u64
}

/// What one resource costs, in millionths of a US dollar.
///
/// ```
/// use agent_pool_core::Price;
///
/// let number: Price = serde_json::from_str(r#"{"perMonthMicros": 1000000, "onceMicros": 500000}"#)?;
/// assert_eq!(number.hourly_micros(), 1_370, "a dollar a month");
/// assert!(Price::default().is_free());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Price {
    /// For an hour.
    pub per_hour_micros: u64,
    /// For a month of 730 hours, in addition.
    pub per_month_micros: u64,
    /// Once, when it is created.
    pub once_micros: u64,
    /// The day on which this was looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<NaiveDate>,
}

impl Price {
    /// What an hour costs, with its share of the month.
    #[must_use]
    pub const fn hourly_micros(self) -> u64 {
        let of_month = self.per_month_micros.saturating_add(HOURS_OF_MONTH / 2) / HOURS_OF_MONTH;
        self.per_hour_micros.saturating_add(of_month)
    }

    /// Whether it costs nothing, as far as is known.
    #[must_use]
    pub const fn is_free(self) -> bool {
        self.hourly_micros() == 0 && self.once_micros == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_overrides_the_prices_that_a_provider_declares() {
        #[derive(Deserialize, JsonSchema)]
        struct Own {
            /// A number for a month.
            #[serde(default = "settings::amount::<2>")]
            #[expect(dead_code, reason = "it is read as a price")]
            price_per_month: Amount,
        }
        let own = settings::describe::<Own>("ACME_");
        let read = |environment| PriceSettings::read_with("acme", &own, &environment);
        let price = read(Environment::default()).unwrap();
        assert_eq!((price.per_month_micros, price.as_of), (2_000_000, None));
        let set = Environment::from_iter([
            ("ACME_PRICE_PER_MONTH", "0"),
            ("ACME_PRICE_PER_HOUR", "0.0125"),
            ("ACME_PRICES_AS_OF", "2026-11-29"),
        ]);
        let price = read(set).unwrap();
        assert_eq!(price.hourly_micros(), 12_500);
        assert_eq!(price.as_of, NaiveDate::from_ymd_opt(2026, 11, 29));
        let wrong = Environment::from_iter([("ACME_PRICE_ONCE", "-1")]);
        assert!(read(wrong).is_err());
    }
}
