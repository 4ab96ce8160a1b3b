//! The secret values and how they are stored: sealed if `POOL_ENCRYPTION_KEY` is set.
//!
//! A JSON column holds a sealed value as a string, and a plain value as it is.

use agent_pool_core::Secret;
use agent_pool_service_kit::cipher::{Cipher, CipherError, Owner};
use agent_pool_service_kit::db::DbError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A column that is sealed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(super) table: &'static str,
    /// The key of a row, as a text: SQL.
    pub(super) row: &'static str,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Json,
}

impl Column {
    pub(crate) const RUNTIME_KEY: Self = Self::text("runtime_key");
    pub(crate) const INVITE_URL: Self = Self::text("invite_url");
    pub(crate) const INSTRUCTIONS: Self = Self::text("instructions");
    pub(crate) const ANSWER: Self = Self::json("claim_keys", "key", "answer");
    pub(crate) const FAILURE: Self = Self::json("claim_keys", "key", "failure");
    pub(crate) const REFUSAL: Self =
        Self::json("claim_refusals", "encode(request_hash, 'hex')", "problem");

    pub(crate) const WEBHOOK_URL: Self = Self::of_webhook("url");
    pub(crate) const WEBHOOK_SECRET: Self = Self::of_webhook("secret");

    pub(super) const ALL: [Self; 8] = [
        Self::RUNTIME_KEY,
        Self::INVITE_URL,
        Self::INSTRUCTIONS,
        Self::ANSWER,
        Self::FAILURE,
        Self::REFUSAL,
        Self::WEBHOOK_URL,
        Self::WEBHOOK_SECRET,
    ];

    const fn text(name: &'static str) -> Self {
        Self {
            table: "instances",
            row: "id",
            name,
            kind: Kind::Text,
        }
    }

    const fn of_webhook(name: &'static str) -> Self {
        Self {
            table: "webhook_endpoints",
            row: "id",
            name,
            kind: Kind::Text,
        }
    }

    const fn json(table: &'static str, row: &'static str, name: &'static str) -> Self {
        Self {
            table,
            row,
            name,
            kind: Kind::Json,
        }
    }

    /// What to store for `text` in the row of the key `row`.
    pub(crate) fn seal(
        self,
        cipher: &Cipher,
        row: &str,
        text: &Secret,
    ) -> Result<String, CipherError> {
        cipher.seal(Owner(&[row, self.name]), text)
    }

    /// The text of what is stored.
    pub(crate) fn open(
        self,
        cipher: &Cipher,
        row: &str,
        stored: &str,
    ) -> Result<Secret, CipherError> {
        cipher.open(Owner(&[row, self.name]), stored)
    }

    /// The value to store instead, if the stored one is not sealed with the newest key.
    pub(super) fn reseal(
        self,
        cipher: &Cipher,
        row: &str,
        stored: &str,
    ) -> Result<Option<String>, CipherError> {
        cipher.reseal(Owner(&[row, self.name]), stored)
    }

    pub(super) fn seal_json(
        self,
        cipher: &Cipher,
        row: &str,
        value: &impl Serialize,
    ) -> Result<Value, DbError> {
        let json = serde_json::to_value(value).expect("wire types are JSON objects with text keys");
        if !cipher.encrypts() {
            return Ok(json);
        }
        let text = Secret::new(json.to_string());
        Ok(Value::String(self.seal(cipher, row, &text)?))
    }

    pub(super) fn open_json<T: DeserializeOwned>(
        self,
        cipher: &Cipher,
        row: &str,
        stored: Value,
    ) -> Result<T, DbError> {
        let parsed = if let Value::String(sealed) = &stored {
            let text = self.open(cipher, row, sealed)?;
            serde_json::from_str(text.expose())
        } else {
            serde_json::from_value(stored)
        };
        parsed.map_err(|error| DbError::CorruptRow {
            table: self.table,
            key: row.to_owned(),
            problem: error.to_string(),
        })
    }
}
