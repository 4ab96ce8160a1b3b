//! Secrets, and the environment variables that carry them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use subtle::ConstantTimeEq;

/// A text that must never be logged, listed or shown.
///
/// It has neither `Display` nor `Serialize`; [`Secret::expose`] is the only way to read the text, so that every use
/// of it in the clear can be found by name. Comparison takes constant time.
///
/// ```
/// use agent_pool_core::Secret;
///
/// let key = Secret::new("sk-123");
/// assert_eq!(format!("{key:?}"), "Secret(…)");
/// assert_eq!(key.expose(), "sk-123"); // for the one header that needs it
/// ```
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A new random key of 43 letters, digits, `_` and `-`, which is 258 bits.
    #[must_use]
    pub fn generate() -> Self {
        Self(nanoid::nanoid!(43))
    }

    /// Serializes the text in the clear, for the few members of the wire that carry a secret.
    ///
    /// # Errors
    /// Errors of the serializer.
    pub fn expose_optional<S: Serializer>(
        secret: &Option<Self>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Self::expose).serialize(serializer)
    }

    /// The text itself: for an outgoing header marked sensitive, a child's environment, the cipher.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

/// `writeOnly` is how JSON Schema says "never shown"; [`crate::settings`] reads it back.
impl JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "writeOnly": true })
    }
}

/// The name of an environment variable: `[A-Za-z_][A-Za-z0-9_]*`, at most 128 characters.
///
/// ```
/// use agent_pool_core::EnvName;
///
/// assert_eq!("ACME_API_KEY".parse::<EnvName>().unwrap().as_str(), "ACME_API_KEY");
/// assert!("ACME-API-KEY".parse::<EnvName>().is_err());
/// ```
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[A-Za-z_][A-Za-z0-9_]{0,127}$"))]
pub struct EnvName(String);

/// The error of a text that is not the name of an environment variable.
///
/// ```
/// let error = "A-B".parse::<agent_pool_core::EnvName>().unwrap_err();
/// assert!(error.to_string().starts_with("\"A-B\" is not an environment variable name"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an environment variable name: expected letters, digits and _, the first no digit"
)]
pub struct ParseEnvNameError(String);

impl EnvName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EnvName {
    type Error = ParseEnvNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let goes_on_well = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if starts_well && goes_on_well && text.len() <= 128 {
            Ok(Self(text))
        } else {
            Err(ParseEnvNameError(text.chars().take(64).collect()))
        }
    }
}

impl FromStr for EnvName {
    type Err = ParseEnvNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl From<EnvName> for String {
    fn from(name: EnvName) -> Self {
        name.0
    }
}

impl fmt::Display for EnvName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Environment variables of an instance. Every value counts as a secret.
///
/// ```
/// use agent_pool_core::{EnvVars, Secret};
///
/// let mut vars = EnvVars::new();
/// vars.set("ACME_KEY".parse().unwrap(), Secret::new("sk-123"));
/// assert_eq!(vars.get("ACME_KEY"), Some(&Secret::new("sk-123")));
/// assert!(!format!("{vars:?}").contains("sk-123"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct EnvVars(BTreeMap<EnvName, Secret>);

impl EnvVars {
    /// No variables.
    ///
    /// ```
    /// # use agent_pool_core::EnvVars;
    /// assert!(EnvVars::new().is_empty());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Sets one variable, replacing its value.
    pub fn set(&mut self, name: EnvName, value: Secret) {
        self.0.insert(name, value);
    }

    /// Sets all variables of `other`, replacing values of the same name.
    ///
    /// ```
    /// use agent_pool_core::{EnvVars, Secret};
    ///
    /// let vars = |pairs: &[(&str, &str)]| -> EnvVars {
    ///     pairs.iter().map(|(name, value)| (name.parse().unwrap(), Secret::new(*value))).collect()
    /// };
    /// let mut all = vars(&[("PORT", "80"), ("NAME", "a")]);
    /// all.merge(vars(&[("PORT", "8080")]));
    /// let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    /// assert_eq!(names, ["NAME", "PORT"], "in order of name");
    /// assert_eq!(all.get("PORT").unwrap().expose(), "8080");
    /// ```
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The value of one variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.0
            .iter()
            .find(|(key, _)| key.as_str() == name)
            .map(|(_, value)| value)
    }

    /// Every name with its value, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&EnvName, &Secret)> {
        self.0.iter()
    }

    /// Whether there are no variables.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Serializes the values in the clear: for a request to Services or a file of mode 0600, by
    /// `#[serde(serialize_with = "EnvVars::expose_all")]`.
    ///
    /// ```
    /// use agent_pool_core::EnvVars;
    ///
    /// #[derive(serde::Deserialize, serde::Serialize)]
    /// struct Request {
    ///     #[serde(serialize_with = "EnvVars::expose_all")]
    ///     variables: EnvVars,
    /// }
    ///
    /// let body = r#"{"variables":{"ACME_KEY":"sk-123"}}"#;
    /// let request: Request = serde_json::from_str(body).unwrap();
    /// assert_eq!(serde_json::to_string(&request).unwrap(), body);
    /// ```
    ///
    /// # Errors
    /// Errors of the serializer.
    pub fn expose_all<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value.expose())?;
        }
        map.end()
    }
}

impl FromIterator<(EnvName, Secret)> for EnvVars {
    fn from_iter<I: IntoIterator<Item = (EnvName, Secret)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl IntoIterator for EnvVars {
    type Item = (EnvName, Secret);
    type IntoIter = std::collections::btree_map::IntoIter<EnvName, Secret>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_text() {
        let vars = EnvVars::from_iter([("KEY".parse().unwrap(), Secret::new("hunter2"))]);
        let shown = format!("{:?} {vars:?} {vars:#?}", Secret::new("hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("KEY"), "names are no secret: {shown}");
    }

    #[test]
    fn secrets_compare_by_text() {
        assert_eq!(Secret::new("a"), Secret::new("a"));
        assert_ne!(Secret::new("a"), Secret::new("b"));
        assert_ne!(Secret::new("a"), Secret::new("aa"));
    }

    #[test]
    fn a_variable_name_is_an_identifier() {
        for good in ["A", "_x", "OPENROUTER_API_KEY", "a1"] {
            assert!(good.parse::<EnvName>().is_ok(), "{good}");
        }
        for bad in ["", "1A", "A-B", "A B", "A=B", "é", &"A".repeat(129)] {
            assert!(bad.parse::<EnvName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_later_value_of_a_variable_wins() {
        let one = |value| EnvVars::from_iter([("A".parse().unwrap(), Secret::new(value))]);
        let mut vars = one("old");
        vars.merge(one("new"));
        assert_eq!(vars.get("A"), Some(&Secret::new("new")));
    }
}
