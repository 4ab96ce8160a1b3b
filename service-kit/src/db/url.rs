//! Where a database is, and the password for it.

use std::borrow::Cow;

use agent_pool_core::Secret;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

use super::connect::parse;

/// `postgres://user:password@host:port/name`, all of it secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DatabaseUrl(Secret);

/// A text that is no database URL. It is not quoted: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no database URL: {0}")]
pub struct ParseDatabaseUrlError(&'static str);

impl DatabaseUrl {
    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The URL in the clear, for the environment of a child process.
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
    fn only_a_postgres_url_is_taken_and_none_is_shown() {
        let parse = |text: &str| DatabaseUrl::try_from(text.to_owned());
        let url = parse("postgresql://u:hunter2@db.example/pool?sslmode=require").unwrap();
        assert!(!format!("{url:?}").contains("hunter2"));
        for bad in [
            "",
            "pool",
            "mysql://h/x",
            "postgres:///x",
            "http://h/x",
            "postgres://u:hunter2@h/x?sslmode=perhaps",
            "postgres://u:hunter2@h/x?nonsense=1",
        ] {
            let error = parse(bad).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{bad}");
        }
    }
}
