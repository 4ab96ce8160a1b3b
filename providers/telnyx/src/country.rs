use std::fmt;

use agent_pool_core::prelude::*;
use schemars::{Schema, SchemaGenerator, json_schema};

/// A country by its ISO 3166 code of two capital letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct CountryCode([u8; 2]);

impl CountryCode {
    pub(crate) const US: Self = Self(*b"US");

    /// For `#[serde(default = "CountryCode::us")]`.
    pub(crate) const fn us() -> Self {
        Self::US
    }
}

impl TryFrom<String> for CountryCode {
    type Error = &'static str;

    fn try_from(code: String) -> Result<Self, Self::Error> {
        let letters: Option<[u8; 2]> = code.as_bytes().try_into().ok();
        let capitals = letters.filter(|letters| letters.iter().all(u8::is_ascii_uppercase));
        capitals.map(Self).ok_or("expected two capital letters")
    }
}

impl From<CountryCode> for String {
    fn from(code: CountryCode) -> Self {
        code.to_string()
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|&letter| fmt::Write::write_char(f, letter.into()))
    }
}

impl JsonSchema for CountryCode {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CountryCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[A-Z]{2}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_capital_letters_are_a_code() {
        assert_eq!(CountryCode::try_from("US".to_owned()), Ok(CountryCode::US));
        for text in ["us", "USA", "U1", ""] {
            assert!(CountryCode::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
