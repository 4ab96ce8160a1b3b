//! Id types. Each validates its text once, when it is parsed.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a text is not an id of the expected kind.
///
/// ```
/// let error = "Open Router".parse::<agent_pool_core::ToolId>().unwrap_err();
/// assert!(error.to_string().starts_with("\"Open Router\" is not a tool id: expected at most 32"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {kind}: expected {rule}")]
pub struct ParseIdError {
    kind: &'static str,
    rule: &'static str,
    text: String,
}

impl ParseIdError {
    fn new(kind: &'static str, rule: &'static str, text: &str) -> Self {
        let text = text.chars().take(64).collect();
        Self { kind, rule, text }
    }
}

/// Text conversions of an id type that has `KIND`, `RULE` and `fn accepts(&str) -> bool`.
macro_rules! checked_text {
    ($id:ident) => {
        impl $id {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $id {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $id {
            type Error = ParseIdError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                if Self::accepts(&text) {
                    Ok(Self(text))
                } else {
                    Err(ParseIdError::new(Self::KIND, Self::RULE, &text))
                }
            }
        }

        impl From<$id> for String {
            fn from(id: $id) -> Self {
                id.0
            }
        }
    };
}

/// One instance, in Pool and in Services: a nanoid of 12 characters.
///
/// New ids use `[0-9a-z]` only, because vendors refuse capitals and `_` in names made from them; ids
/// that already exist may use the whole nanoid alphabet.
///
/// ```
/// use agent_pool_core::InstanceId;
///
/// let id = InstanceId::generate();
/// assert_eq!(id.as_str().len(), InstanceId::LEN);
/// assert_eq!(id.to_string().parse(), Ok(id));
/// ```
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[A-Za-z0-9_-]{12}$"))]
pub struct InstanceId(String);

impl InstanceId {
    /// Number of characters in every instance id.
    pub const LEN: usize = 12;
    const KIND: &'static str = "an instance id";
    const RULE: &'static str = "12 characters of A-Z a-z 0-9 _ -";
    const ALPHABET: [char; 36] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h',
        'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z',
    ];

    /// A new random id.
    #[must_use]
    pub fn generate() -> Self {
        Self(nanoid::nanoid!(Self::LEN, &Self::ALPHABET))
    }

    fn accepts(text: &str) -> bool {
        text.len() == Self::LEN
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    }
}

checked_text!(InstanceId);

fn is_slug(text: &str) -> bool {
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

const SLUG_RULE: &str = "at most 32 characters of a-z 0-9 -, the first a letter";

/// The id of a kind of tool, such as `openrouter`. A tool provider registers it.
///
/// ```
/// let id: agent_pool_core::ToolId = "openrouter".parse().unwrap();
/// assert_eq!(id.as_str(), "openrouter");
/// ```
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[a-z][a-z0-9-]{0,31}$"))]
pub struct ToolId(String);

impl ToolId {
    const KIND: &'static str = "a tool id";
    const RULE: &'static str = SLUG_RULE;

    fn accepts(text: &str) -> bool {
        is_slug(text)
    }
}

checked_text!(ToolId);

/// The id of a kind of infrastructure, such as `railway`. An infra provider registers it.
///
/// ```
/// use agent_pool_core::InfraId;
///
/// assert_eq!("railway".parse::<InfraId>().unwrap().as_str(), "railway");
/// assert!("Railway".parse::<InfraId>().is_err());
/// ```
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[a-z][a-z0-9-]{0,31}$"))]
pub struct InfraId(String);

impl InfraId {
    const KIND: &'static str = "an infra id";
    const RULE: &'static str = SLUG_RULE;

    fn accepts(text: &str) -> bool {
        is_slug(text)
    }
}

checked_text!(InfraId);

/// A warm pool, such as `default`: instances of one recipe that are kept and claimed together.
///
/// ```
/// use agent_pool_core::PoolName;
///
/// assert_eq!(PoolName::default().as_str(), "default");
/// assert!("Research Agents".parse::<PoolName>().is_err());
/// ```
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[a-z][a-z0-9-]{0,31}$"))]
pub struct PoolName(String);

impl PoolName {
    /// The name of the pool that the settings describe.
    pub const DEFAULT: &'static str = "default";
    const KIND: &'static str = "a pool name";
    const RULE: &'static str = SLUG_RULE;

    /// Whether it is the pool that the settings describe.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.0 == Self::DEFAULT
    }

    fn accepts(text: &str) -> bool {
        is_slug(text)
    }
}

impl Default for PoolName {
    fn default() -> Self {
        Self(Self::DEFAULT.to_owned())
    }
}

checked_text!(PoolName);

/// A hash of everything that an instance was made from: two instances with the same hash were made from the same
/// image, tools, variables and settings.
///
/// ```
/// use agent_pool_core::RecipeHash;
///
/// assert_eq!("00c0ffee00c0ffee".parse::<RecipeHash>().unwrap().as_str(), "00c0ffee00c0ffee");
/// assert!("C0FFEE".parse::<RecipeHash>().is_err());
/// ```
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[0-9a-f]{16}$"))]
pub struct RecipeHash(String);

impl RecipeHash {
    const KIND: &'static str = "the hash of a recipe";
    const RULE: &'static str = "16 characters of 0-9 a-f";

    fn accepts(text: &str) -> bool {
        text.len() == 16
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    }
}

checked_text!(RecipeHash);

fn is_vendor_text(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 256
        && text
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'/' && b != b'\\')
}

const VENDOR_RULE: &str = "1 to 256 visible ASCII characters without / and \\";

/// The vendor's id of one resource: a key's hash, a mailbox, a phone number.
///
/// ```
/// use agent_pool_core::ResourceId;
///
/// let mailbox: ResourceId = "ap-dev-x@agentmail.to".parse().unwrap();
/// assert_eq!(mailbox.as_str(), "ap-dev-x@agentmail.to");
/// assert!("keys/17".parse::<ResourceId>().is_err(), "it is one segment of our own addresses");
/// ```
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = r"^[!-.0-\[\]-~]{1,256}$"))]
pub struct ResourceId(String);

impl ResourceId {
    const KIND: &'static str = "a resource id";
    const RULE: &'static str = VENDOR_RULE;

    fn accepts(text: &str) -> bool {
        is_vendor_text(text)
    }
}

checked_text!(ResourceId);

/// The infra's id of the service that runs one instance.
///
/// ```
/// use agent_pool_core::ServiceId;
///
/// assert_eq!("0b9f4c1e".parse::<ServiceId>().unwrap().as_str(), "0b9f4c1e");
/// assert!("services/0b9f4c1e".parse::<ServiceId>().is_err());
/// ```
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = r"^[!-.0-\[\]-~]{1,256}$"))]
pub struct ServiceId(String);

impl ServiceId {
    const KIND: &'static str = "a service id";
    const RULE: &'static str = VENDOR_RULE;

    fn accepts(text: &str) -> bool {
        is_vendor_text(text)
    }
}

checked_text!(ServiceId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_instance_id_is_lower_case_and_parses() {
        for _ in 0..1_000 {
            let id = InstanceId::generate();
            assert!(
                id.as_str()
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            );
            assert_eq!(id.as_str().parse::<InstanceId>().as_ref(), Ok(&id));
        }
    }

    #[test]
    fn an_instance_id_takes_the_whole_nanoid_alphabet_and_nothing_else() {
        for good in ["abcdefghijkl", "ABC_def-0123", "000000000000"] {
            assert!(good.parse::<InstanceId>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "short",
            "abcdefghijklm",
            "abcdefghijk/",
            "abcdefghijk é",
            "abc defghijk",
        ] {
            assert!(bad.parse::<InstanceId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_parse_error_says_what_was_expected_and_quotes_no_more_than_64_characters() {
        let error = "x"
            .repeat(5_000)
            .parse::<InstanceId>()
            .unwrap_err()
            .to_string();
        assert!(
            error.ends_with("is not an instance id: expected 12 characters of A-Z a-z 0-9 _ -")
        );
        assert!(error.len() < 200, "{error}");
    }

    #[test]
    fn slugs_and_vendor_ids_refuse_what_would_break_a_path() {
        assert!("openrouter".parse::<ToolId>().is_ok());
        for bad in ["", "OpenRouter", "1tool", "a tool", "a/b", &"a".repeat(33)] {
            assert!(bad.parse::<ToolId>().is_err(), "{bad}");
        }
        for good in ["+15550001111", "ap-dev-x@agentmail.to", "0f3c"] {
            assert!(good.parse::<ResourceId>().is_ok(), "{good}");
        }
        for bad in ["", "a/b", "a b", "a\nb", "é", &"a".repeat(257)] {
            assert!(bad.parse::<ResourceId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn serde_goes_through_the_check() {
        assert!(serde_json::from_str::<InstanceId>("\"abcdefghijkl\"").is_ok());
        assert!(serde_json::from_str::<InstanceId>("\"no\"").is_err());
    }
}
