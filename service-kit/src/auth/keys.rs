//! The accepted keys.

use std::borrow::Cow;

use agent_pool_core::Secret;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;

/// Minimum length of a key in characters: shorter ones can be guessed.
const SHORTEST: usize = 16;
/// Maximum length of a key's name in characters.
const LONGEST_NAME: usize = 32;
/// The name of keys without a name.
const UNNAMED: &str = "api";

/// The accepted keys, each with the name of its holder: `KEY`, or `ann:KEY,bob:KEY`.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct ApiKeys {
    primary: NamedKey,
    others: Vec<NamedKey>,
}

#[derive(Debug, Clone)]
struct NamedKey {
    name: Cow<'static, str>,
    key: Secret,
}

/// Why a text is not a list of keys. The text is not quoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is no key in the text.
    #[error("has no key: expected one, or several separated by commas")]
    Missing,
    /// A key is too short.
    #[error(
        "has a key (number {number}) of {length} characters: expected at least 16; make one with: poolctl key"
    )]
    TooShort {
        /// The position of the key, counted from 1.
        number: usize,
        /// Its length in characters.
        length: usize,
    },
}

impl ApiKeys {
    /// A single key with the name of its holder.
    #[must_use]
    pub fn single(name: String, key: Secret) -> Self {
        let name = Cow::Owned(name);
        Self {
            primary: NamedKey { name, key },
            others: Vec::new(),
        }
    }

    /// The first key, which is used for outgoing calls.
    #[must_use]
    pub const fn primary(&self) -> &Secret {
        &self.primary.key
    }

    /// Every key, the first one first.
    pub fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.named().map(|(_, key)| key)
    }

    /// Every key with its name, the first one first.
    pub fn named(&self) -> impl Iterator<Item = (&str, &Secret)> {
        std::iter::once(&self.primary)
            .chain(&self.others)
            .map(|NamedKey { name, key }| (&**name, key))
    }

    /// These keys and those of `other`.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let others = [
            self.others.as_slice(),
            std::slice::from_ref(&other.primary),
            &other.others,
        ];
        Self {
            primary: self.primary.clone(),
            others: others.concat(),
        }
    }

    /// Whether `presented` is one of the keys, in constant time.
    #[must_use]
    pub fn accepts(&self, presented: &str) -> bool {
        self.name_of(presented).is_some()
    }

    /// The name of the key that was presented, in constant time.
    #[must_use]
    pub fn name_of(&self, presented: &str) -> Option<&str> {
        let presented = Secret::new(presented);
        self.named().fold(None, |found, (name, key)| {
            // Every key is compared, without an early return, so that the time does not depend on which key matches.
            let matches = *key == presented;
            found.or(matches.then_some(name))
        })
    }
}

impl TryFrom<String> for ApiKeys {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let mut keys = parts
            .enumerate()
            .map(|(index, part)| NamedKey::parse(part, index + 1))
            .collect::<Result<Vec<_>, _>>()?
            .into_iter();
        Ok(Self {
            primary: keys.next().ok_or(KeyError::Missing)?,
            others: keys.collect(),
        })
    }
}

impl NamedKey {
    fn parse(text: &str, number: usize) -> Result<Self, KeyError> {
        let named = text.split_once(':').filter(|(name, _)| is_name(name));
        let (name, key) = match named {
            Some((name, key)) => (Cow::Owned(name.to_owned()), key.trim_start()),
            None => (Cow::Borrowed(UNNAMED), text),
        };
        let length = key.chars().count();
        if length < SHORTEST {
            return Err(KeyError::TooShort { number, length });
        }
        let key = Secret::new(key);
        Ok(Self { name, key })
    }
}

fn is_name(text: &str) -> bool {
    let of_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@');
    (1..=LONGEST_NAME).contains(&text.len()) && text.chars().all(of_a_name)
}

impl From<Secret> for ApiKeys {
    fn from(key: Secret) -> Self {
        Self {
            primary: NamedKey {
                name: Cow::Borrowed(UNNAMED),
                key,
            },
            others: Vec::new(),
        }
    }
}

impl JsonSchema for ApiKeys {
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

    const NEW: &str = "new-key-0123456789";
    const OLD: &str = "old-key-0123456789";

    fn keys(text: &str) -> Result<ApiKeys, KeyError> {
        ApiKeys::try_from(text.to_owned())
    }

    #[test]
    fn every_key_is_accepted_and_the_first_is_primary() {
        let keys = keys(&format!(" {NEW} ,{OLD},, ")).unwrap();
        assert!([NEW, OLD].iter().all(|key| keys.accepts(key)));
        let wrong = ["", &NEW[1..], &format!("{NEW},{OLD}")];
        assert!(wrong.iter().all(|key| !keys.accepts(key)));
        assert_eq!(keys.primary(), &Secret::new(NEW));
        assert_eq!(keys.iter().count(), 2);
    }

    #[test]
    fn a_key_has_the_name_before_the_colon() {
        let keys = keys(&format!("ann:{NEW}, {OLD}, not a name:{OLD}")).unwrap();
        assert_eq!(keys.name_of(NEW), Some("ann"));
        assert_eq!(keys.name_of(OLD), Some("api"));
        assert_eq!(keys.name_of(&format!("not a name:{OLD}")), Some("api"));
        assert_eq!(keys.name_of(&format!("ann:{NEW}")), None);
        assert_eq!(keys.primary(), &Secret::new(NEW));
    }

    #[test]
    fn a_text_without_a_key_and_a_short_key_are_refused() {
        for empty in ["", " ", ",", " , "] {
            assert_eq!(keys(empty).unwrap_err(), KeyError::Missing);
        }
        for (text, number, length) in [("a", 1, 1), (&format!("{NEW},bob:hunter2"), 2, 7)] {
            let error = keys(text).unwrap_err();
            assert_eq!(error, KeyError::TooShort { number, length });
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn debug_shows_no_key() {
        assert!(!format!("{:?}", keys(&format!("{NEW},ann:{OLD}")).unwrap()).contains("0123"));
    }
}
