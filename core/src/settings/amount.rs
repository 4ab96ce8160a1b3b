use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An amount of money, zero or more, in the currency that the setting names.
///
/// ```
/// use agent_pool_core::settings::Amount;
///
/// assert_eq!(Amount::whole(20).get(), 20.0);
/// assert!(Amount::try_from(-0.5).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Amount(f64);

/// A default of `N` whole units, for `#[serde(default = "settings::amount::<5>")]`.
///
/// ```
/// assert_eq!(agent_pool_core::settings::amount::<5>().get(), 5.0);
/// ```
#[must_use]
pub fn amount<const N: u32>() -> Amount {
    Amount::whole(N)
}

impl Amount {
    /// An amount of whole units.
    #[must_use]
    pub fn whole(units: u32) -> Self {
        Self(units.into())
    }

    /// The amount as a number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }

    /// Whether a vendor's price, as a number or a text, is at most this amount. A price that cannot be parsed is too
    /// high.
    ///
    /// ```
    /// use agent_pool_core::settings::Amount;
    /// use serde_json::json;
    ///
    /// assert!(Amount::whole(5).covers(&json!("4.99")) && Amount::whole(5).covers(&json!(5)));
    /// assert!(!Amount::whole(5).covers(&json!(null)));
    /// ```
    #[must_use]
    pub fn covers(self, price: &Value) -> bool {
        let text = price.as_str().and_then(|text| text.parse().ok());
        let price: Option<f64> = price.as_f64().or(text);
        price.is_some_and(|price| price <= self.0)
    }
}

impl TryFrom<f64> for Amount {
    type Error = &'static str;

    fn try_from(amount: f64) -> Result<Self, Self::Error> {
        let amount = Some(amount).filter(|amount| amount.is_finite() && *amount >= 0.0);
        amount.map(Self).ok_or("expected an amount of zero or more")
    }
}

impl From<Amount> for f64 {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}

impl JsonSchema for Amount {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number", "minimum": 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_of_money_is_not_negative() {
        for bad in [-0.5, f64::NAN, f64::INFINITY] {
            assert!(Amount::try_from(bad).is_err(), "{bad}");
        }
        assert_eq!(Amount::try_from(2.5).map(Amount::get), Ok(2.5));
    }

    #[test]
    fn a_price_that_cannot_be_read_is_too_high() {
        let covers = |price: Value| Amount::whole(1).covers(&price);
        assert!(covers("0.50".into()) && covers(1.into()));
        for high in [
            "1.01".into(),
            2.into(),
            "".into(),
            "free".into(),
            "NaN".into(),
            Value::Null,
        ] {
            assert!(!covers(high.clone()), "{high}");
        }
    }
}
