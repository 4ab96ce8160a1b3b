//! Texts from people and runtimes, validated when they are parsed.

use std::fmt;

use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::is_unsafe;

/// An agent's name: 1 to 64 characters, none of them a control or bidirectional character, not only white space.
///
/// ```
/// use agent_pool_core::wire::AgentName;
///
/// let name = AgentName::try_from(" Tulip ".to_owned()).unwrap();
/// assert_eq!(name.as_str(), "Tulip");
/// let error = AgentName::try_from("é".repeat(65)).unwrap_err();
/// assert_eq!(error, "65 characters are too many: at most 64");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("minLength" = 1, "maxLength" = 64))]
pub struct AgentName(String);

impl AgentName {
    /// Maximum length of a name, in characters.
    pub const MAX_CHARS: usize = 64;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AgentName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text = text.trim();
        let length = text.chars().count();
        if length == 0 {
            Err("a name must not be empty".to_owned())
        } else if length > Self::MAX_CHARS {
            Err(format!(
                "{length} characters are too many: at most {}",
                Self::MAX_CHARS
            ))
        } else if text.chars().any(is_unsafe) {
            Err(
                "a name must not have control characters, nor such that change its direction"
                    .to_owned(),
            )
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl From<AgentName> for String {
    fn from(name: AgentName) -> Self {
        name.0
    }
}

impl fmt::Display for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An agent's instructions: at most 64 KiB. `Debug` shows only the length, because they are private.
///
/// ```
/// use agent_pool_core::wire::Instructions;
///
/// let instructions = Instructions::try_from("my diary".to_owned()).unwrap();
/// assert_eq!(format!("{instructions:?}"), "Instructions(8 bytes)");
/// assert_eq!(instructions.as_str(), "my diary");
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("maxLength" = 65_536))]
pub struct Instructions(String);

impl Instructions {
    /// Maximum length of instructions, in bytes.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// The instructions as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Instructions {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.len() > Self::MAX_BYTES {
            Err(format!(
                "{} bytes are too many: at most {}",
                text.len(),
                Self::MAX_BYTES
            ))
        } else if text.contains('\0') {
            Err("instructions must not have a NUL character".to_owned())
        } else {
            Ok(Self(text))
        }
    }
}

impl From<Instructions> for String {
    fn from(instructions: Instructions) -> Self {
        instructions.0
    }
}

impl fmt::Debug for Instructions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instructions({} bytes)", self.0.len())
    }
}

/// Maximum length of a URL, in characters.
const ADDRESS_LIMIT: usize = 2_048;

/// Refuses white space and characters that act on a terminal.
fn check_address(text: &str) -> Result<(), String> {
    let length = text.chars().count();
    if length > ADDRESS_LIMIT {
        Err(format!(
            "{length} characters are too many: at most {ADDRESS_LIMIT}"
        ))
    } else if text
        .chars()
        .any(|c| c.is_whitespace() || is_unsafe(c) || c == '\u{fffd}')
    {
        Err("an address must not have spaces or control characters".to_owned())
    } else {
        Ok(())
    }
}

fn web_url(text: &str) -> Result<Url, String> {
    check_address(text)?;
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(_) => Err("expected a URL that begins with http:// or https://".to_owned()),
        Err(error) => Err(format!("expected an http or https URL: {error}")),
    }
}

/// The link by which a person reaches an agent: an `http` or `https` URL of at most 2,048 characters. A runtime chooses
/// it, and dashboards show it.
///
/// ```
/// use agent_pool_core::wire::InviteUrl;
///
/// let url = InviteUrl::try_from("https://a.example/c/1".to_owned()).unwrap();
/// assert_eq!(url.as_str(), "https://a.example/c/1");
/// assert!(InviteUrl::try_from("javascript:alert(1)".to_owned()).is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("format" = "uri", "maxLength" = 2_048))]
pub struct InviteUrl(String);

impl InviteUrl {
    /// The URL as its runtime wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for InviteUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        web_url(&text).map(|_| Self(text))
    }
}

impl From<InviteUrl> for String {
    fn from(url: InviteUrl) -> Self {
        url.0
    }
}

impl fmt::Display for InviteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A runtime's id of a conversation: 1 to 256 characters, none of them a control character or white space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("minLength" = 1, "maxLength" = 256))]
pub struct ConversationId(String);

impl ConversationId {
    /// Maximum length of an id, in characters.
    pub const MAX_CHARS: usize = 256;

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ConversationId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let length = text.chars().count();
        if length == 0 || length > Self::MAX_CHARS {
            let limit = Self::MAX_CHARS;
            return Err(format!(
                "a conversation's id has 1 to {limit} characters, not {length}"
            ));
        }
        check_address(&text).map(|()| Self(text))
    }
}

impl From<ConversationId> for String {
    fn from(id: ConversationId) -> Self {
        id.0
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Schemes of links that run code in the page that shows them, or read local files.
const DANGEROUS_SCHEMES: [&str; 5] = ["javascript", "data", "vbscript", "file", "blob"];

/// An invitation to a conversation that exists: a URL, or a bare slug of letters, digits, `-` and `_`; at most 2,048
/// characters. Which schemes a pool accepts is its setting `JOIN_URL_SCHEMES`.
///
/// ```
/// use agent_pool_core::wire::JoinUrl;
///
/// let join = |text: &str| JoinUrl::try_from(text.to_owned());
/// assert_eq!(join("https://a.example/c/1").unwrap().scheme(), Some("https"));
/// assert_eq!(join("EOQJCm5z").unwrap().scheme(), None);
/// assert!(join("javascript:alert(1)").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("maxLength" = 2_048))]
pub struct JoinUrl(String);

impl JoinUrl {
    /// The URL or slug as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The scheme in lower case; `None` for a slug.
    #[must_use]
    pub fn scheme(&self) -> Option<&str> {
        self.0.split_once(':').map(|(scheme, _)| scheme)
    }
}

impl TryFrom<String> for JoinUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text = text.trim();
        check_address(text)?;
        let is_slug = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if !text.is_empty() && text.chars().all(is_slug) {
            return Ok(Self(text.to_owned()));
        }
        match Url::parse(text) {
            Ok(url) if DANGEROUS_SCHEMES.contains(&url.scheme()) => {
                Err(format!("a link must not begin with {}:", url.scheme()))
            }
            Ok(url) => Ok(Self(url.into())),
            Err(error) => Err(format!("expected a URL or a slug: {error}")),
        }
    }
}

impl From<JoinUrl> for String {
    fn from(url: JoinUrl) -> Self {
        url.0
    }
}

/// The address of an agent's picture: an `http` or `https` URL of at most 2,048 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("format" = "uri", "maxLength" = 2_048))]
pub struct ProfileImage(String);

impl TryFrom<String> for ProfileImage {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        web_url(&text).map(|_| Self(text))
    }
}

impl From<ProfileImage> for String {
    fn from(url: ProfileImage) -> Self {
        url.0
    }
}

/// Further data from a claimer for a runtime: a JSON object of at most 4 KiB. The pool does not interpret it.
/// `Debug` shows only its size.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct AgentMetadata(Map<String, Value>);

impl AgentMetadata {
    /// Maximum length as JSON, in bytes.
    pub const MAX_BYTES: usize = 4 * 1024;
}

impl TryFrom<Map<String, Value>> for AgentMetadata {
    type Error = String;

    fn try_from(members: Map<String, Value>) -> Result<Self, Self::Error> {
        let text = serde_json::to_string(&members).map_err(|error| error.to_string())?;
        if text.len() > Self::MAX_BYTES {
            let limit = Self::MAX_BYTES;
            return Err(format!(
                "{} bytes are too many: at most {limit}",
                text.len()
            ));
        }
        Ok(Self(members))
    }
}

impl From<AgentMetadata> for Map<String, Value> {
    fn from(metadata: AgentMetadata) -> Self {
        metadata.0
    }
}

impl fmt::Debug for AgentMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgentMetadata({} members)", self.0.len())
    }
}

/// Reads an optional text in which a blank one counts as absent, as forms send it.
pub(in crate::wire) fn blank_is_absent<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: TryFrom<String, Error = String>,
    D: Deserializer<'de>,
{
    let text = Option::<String>::deserialize(deserializer)?;
    let text = text.filter(|text| !text.trim().is_empty());
    text.map(T::try_from).transpose().map_err(Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_bounded_in_characters_not_bytes() {
        let name = |text: &str| AgentName::try_from(text.to_owned());
        assert_eq!(name("  Tulip ").unwrap().as_str(), "Tulip");
        assert!(name(&"é".repeat(64)).is_ok());
        assert!(name(&"é".repeat(65)).unwrap_err().contains("at most 64"));
        assert!(name(" \t ").is_err());
        assert!(name("a\u{7}b").is_err());
    }

    #[test]
    fn instructions_are_bounded_in_bytes_and_not_shown() {
        let instructions = |text: String| Instructions::try_from(text);
        assert!(instructions("x".repeat(65_536)).is_ok());
        assert!(instructions("x".repeat(65_537)).is_err());
        assert!(instructions("a\0b".to_owned()).is_err());
        let shown = format!("{:?}", instructions("my diary".to_owned()).unwrap());
        assert_eq!(shown, "Instructions(8 bytes)");
    }

    #[test]
    fn a_join_url_is_a_url_or_a_slug() {
        let join = |text: &str| JoinUrl::try_from(text.to_owned());
        for (text, scheme) in [
            ("https://example.org/v2?i=abc", Some("https")),
            ("HTTP://example.org", Some("http")),
            ("convos://join/abc", Some("convos")),
            (" EOQJCm5z_-1 ", None),
        ] {
            assert_eq!(join(text).unwrap().scheme(), scheme, "{text}");
        }
        for bad in [
            "",
            "example.org",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "/relative",
            "https://a b",
            "https://a/\u{202e}",
        ] {
            assert!(join(bad).is_err(), "{bad}");
        }
        assert!(join(&"x".repeat(2_049)).is_err());
    }

    #[test]
    fn an_invite_url_is_a_short_web_address_that_acts_on_nothing() {
        let invite = |text: &str| InviteUrl::try_from(text.to_owned());
        assert!(invite("https://example.org/v2?i=abc").is_ok());
        assert!(invite(&format!("https://h/{}", "x".repeat(2_038))).is_ok());
        for bad in [
            "",
            "slug",
            "javascript:alert(1)",
            "https://h/\u{1b}[2J",
            "https://h/\0",
            "https://h/\u{202e}",
            "https://h/\u{fffd}",
            "https://h/a\ninvite https://evil.example",
        ] {
            assert!(invite(bad).is_err(), "{bad:?}");
        }
        assert!(invite(&format!("https://h/{}", "x".repeat(2_039))).is_err());
    }

    #[test]
    fn a_conversation_id_is_short_and_acts_on_nothing() {
        let id = |text: &str| ConversationId::try_from(text.to_owned());
        assert!(id("7U0H-ä").is_ok() && id(&"x".repeat(256)).is_ok());
        for bad in ["", "a b", "a\0", &"x".repeat(257)] {
            assert!(id(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn metadata_is_a_small_object_and_not_shown() {
        let metadata = |text: &str| serde_json::from_str::<AgentMetadata>(text);
        assert_eq!(
            format!("{:?}", metadata(r#"{"a": "diary"}"#).unwrap()),
            "AgentMetadata(1 members)"
        );
        assert!(metadata("[]").is_err());
        assert!(metadata(&format!(r#"{{"a": "{}"}}"#, "x".repeat(4_096))).is_err());
    }
}
