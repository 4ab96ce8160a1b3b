//! The address of a database, with its password.

use std::borrow::Cow;

use agent_pool_core::Secret;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use super::address::parse;

/// The address of a database, in one of libpq's forms: `postgres://user:password@host:port/name`, or `host=… dbname=…`.
/// It is secret as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DatabaseUrl(Secret);

/// Why a text is not a database address. No value is quoted, because it may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseDatabaseUrlError(String);

impl DatabaseUrl {
    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The address in the clear, for the environment of a child process.
    #[must_use]
    pub const fn as_secret(&self) -> &Secret {
        &self.0
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = ParseDatabaseUrlError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        parse(&text).map_err(ParseDatabaseUrlError)?;
        Ok(Self(Secret::new(text)))
    }
}

impl JsonSchema for DatabaseUrl {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Secret::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Secret::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_checked_when_it_is_read_and_never_shown() {
        let parse = |text: &str| DatabaseUrl::try_from(text.to_owned());
        let url = parse("postgresql://u:hunter2@db.example/pool?sslmode=require").unwrap();
        assert!(!format!("{url:?}").contains("hunter2"));
        for bad in [
            "pool",
            "mysql://u:hunter2@h/x",
            "postgres://u:hunter2@h/x?sslmode=hunter2",
        ] {
            let error = parse(bad).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{bad}");
        }
    }
}
