//! The prices of a provider's resources: settings that every provider has, with the provider's own defaults.

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::layer::prefix_of;
use crate::settings::{self, Amount, Environment, SettingSpec, SettingsError};

/// Millionths per US dollar.
pub(crate) const MICROS: u64 = 1_000_000;
/// Hours per month, as vendors count them: the 8,760 hours of a year divided by 12.
const HOURS_OF_MONTH: u64 = 730;

/// The prices of one provider, as an operator sets them.
///
/// A provider whose vendor has public prices declares fields of the same names among its own settings, with its prices
/// as their defaults: see [`LayerSettings::read_with`](crate::layer::LayerSettings::read_with).
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub(crate) struct PriceSettings {
    /// Price of one resource per hour, in US dollars.
    #[serde(default = "settings::amount::<0>")]
    price_per_hour: Amount,
    /// Price of one resource per month of 730 hours, in US dollars, in addition to the price per hour.
    #[serde(default = "settings::amount::<0>")]
    price_per_month: Amount,
    /// Price of creating one resource, in US dollars.
    #[serde(default = "settings::amount::<0>")]
    price_once: Amount,
    /// The day on which these prices were looked up, such as 2026-11-29.
    prices_as_of: Option<NaiveDate>,
}

impl PriceSettings {
    /// The specs of the prices of the provider `id`.
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
            per_hour_micros: in_micros(read.price_per_hour.get()),
            per_month_micros: in_micros(read.price_per_month.get()),
            once_micros: in_micros(read.price_once.get()),
            as_of: read.prices_as_of,
        })
    }
}

/// Converts dollars to millionths. A negative amount counts as zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "it is not negative, and a cast of a number that is too large saturates"
)]
#[must_use]
pub fn in_micros(dollars: f64) -> u64 {
    (dollars.max(0.0) * MICROS as f64).round() as u64
}

/// Converts millionths of a dollar to dollars, for charts and gauges.
#[expect(
    clippy::cast_precision_loss,
    reason = "a float is exact up to nine billion dollars"
)]
#[must_use]
pub fn in_dollars(micros: u64) -> f64 {
    micros as f64 / MICROS as f64
}

/// The price of one resource, in millionths of a US dollar.
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
    /// Per hour.
    pub per_hour_micros: u64,
    /// Per month of 730 hours, in addition to the price per hour.
    pub per_month_micros: u64,
    /// Once, when it is created.
    pub once_micros: u64,
    /// The day on which these prices were looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<NaiveDate>,
}

impl Price {
    /// The price of an hour, including its share of the monthly price.
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
            /// The price of a number per month.
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
