//! What people type when they claim, checked as it is read.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

/// An agent's name: 1 to 64 characters, none of them a control character, not only white space.
///
/// ```
/// use agent_pool_core::wire::AgentName;
///
/// let name = AgentName::try_from(" Tulip ".to_owned()).unwrap();
/// assert_eq!(name.as_str(), "Tulip");
/// let error = AgentName::try_from("é".repeat(65)).unwrap_err();
/// assert_eq!(error, "65 characters are too many: at most 64");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AgentName(String);

impl AgentName {
    /// Most characters that a name may have.
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
        } else if text.chars().any(char::is_control) {
            Err("a name must not have control characters".to_owned())
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

/// What an agent is told to be: at most 64 KiB. `Debug` shows its length only, since it is somebody's.
///
/// ```
/// use agent_pool_core::wire::Instructions;
///
/// let instructions = Instructions::try_from("my diary".to_owned()).unwrap();
/// assert_eq!(format!("{instructions:?}"), "Instructions(8 bytes)");
/// assert_eq!(instructions.as_str(), "my diary");
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Instructions(String);

impl Instructions {
    /// Most bytes that instructions may have.
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

/// An invitation to a conversation that is there: an `http` or `https` URL of at most 2,048 characters.
///
/// ```
/// use agent_pool_core::wire::JoinUrl;
///
/// let url = JoinUrl::try_from("https://a.example/c/1".to_owned()).unwrap();
/// assert_eq!(url.as_str(), "https://a.example/c/1");
/// assert!(JoinUrl::try_from("javascript:alert(1)".to_owned()).is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JoinUrl(Url);

impl JoinUrl {
    const MAX_CHARS: usize = 2_048;

    /// The URL as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl TryFrom<String> for JoinUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.len() > Self::MAX_CHARS {
            return Err(format!("a URL must not be longer than {}", Self::MAX_CHARS));
        }
        match Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Self(url)),
            Ok(_) => Err("expected a URL that begins with http:// or https://".to_owned()),
            Err(error) => Err(format!("expected an http or https URL: {error}")),
        }
    }
}

impl From<JoinUrl> for String {
    fn from(url: JoinUrl) -> Self {
        url.0.into()
    }
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
    fn a_join_url_is_http() {
        let join = |text: &str| JoinUrl::try_from(text.to_owned());
        assert!(join("https://example.org/v2?i=abc").is_ok());
        for bad in [
            "",
            "example.org",
            "javascript:alert(1)",
            "ftp://example.org",
            "/relative",
        ] {
            assert!(join(bad).is_err(), "{bad}");
        }
    }
}
