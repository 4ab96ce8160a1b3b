//! Settings: a typed struct is all that an author writes.
//!
//! A settings struct derives `Deserialize` and `JsonSchema`. Its fields are the variables (prefix and
//! the field's name in capitals), their doc comments the reference, their types the validation,
//! [`Secret`](crate::Secret) the redaction. Reading gathers every fault before it answers.
//!
//! ```
//! use agent_pool_core::settings::{self, Environment, Millis};
//!
//! #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
//! struct AcmeSettings {
//!     /// The account's key.
//!     api_key: agent_pool_core::Secret,
//!     /// How long one call may take.
//!     #[serde(default = "AcmeSettings::default_timeout")]
//!     timeout_ms: Millis,
//! }
//!
//! impl AcmeSettings {
//!     fn default_timeout() -> Millis {
//!         Millis::from_millis(5_000)
//!     }
//! }
//!
//! let empty = Environment::default();
//! let error = settings::read::<AcmeSettings>("ACME_", &empty).unwrap_err();
//! assert_eq!(error.to_string(), "ACME_API_KEY is required: The account's key.");
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The variables that settings are read from.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process. For `main` alone.
    #[must_use]
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The value of a variable. An empty one counts as not set, as compose files leave them.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Sets one variable.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// Every variable whose name begins with `prefix`: its name without the prefix, and its value.
    pub fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

/// Shows names only: values may be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// One setting, as the reference and `/registry` show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SettingSpec {
    /// The environment variable.
    pub variable: String,
    /// What it is for.
    pub description: String,
    /// Whether nothing works without it.
    pub required: bool,
    /// Whether its value is never shown.
    pub secret: bool,
    /// What holds where it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// One variable that is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFault {
    /// The environment variable.
    pub variable: String,
    /// What is wrong with it, and what was expected. Never the value of a secret.
    pub problem: String,
}

/// Every fault of the settings, not only the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsError {
    faults: Vec<SettingFault>,
}

impl SettingsError {
    /// An error of one fault, for what a type cannot check.
    pub fn fault(variable: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            faults: vec![SettingFault {
                variable: variable.into(),
                problem: problem.into(),
            }],
        }
    }

    /// The faults, in order of their fields.
    #[must_use]
    pub fn faults(&self) -> &[SettingFault] {
        &self.faults
    }

    /// Adds the faults of another reading.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.faults.extend(other.faults);
        self
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, SettingFault { variable, problem }) in self.faults.iter().enumerate() {
            write!(
                f,
                "{}{variable} {problem}",
                if index == 0 { "" } else { "\n" }
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}

/// Gathers the faults of several readings, so that a start names them all at once.
#[derive(Debug, Default)]
pub struct Faults(Option<SettingsError>);

impl Faults {
    /// The value of a reading; its faults are kept.
    pub fn keep<T>(&mut self, reading: Result<T, SettingsError>) -> Option<T> {
        match reading {
            Ok(value) => Some(value),
            Err(error) => {
                self.0 = Some(match self.0.take() {
                    Some(earlier) => earlier.and(error),
                    None => error,
                });
                None
            }
        }
    }

    /// The value, unless a reading was faulty.
    ///
    /// # Errors
    /// All the faults that were kept.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, SettingsError> {
        match (self.0, value) {
            (None, Some(value)) => Ok(value),
            (Some(error), _) => Err(error),
            (None, None) => Err(SettingsError { faults: Vec::new() }),
        }
    }
}

/// The reference of a settings struct, in order of its fields.
#[must_use]
pub fn describe<T: JsonSchema>(prefix: &str) -> Vec<SettingSpec> {
    fields::<T>(prefix)
        .into_iter()
        .map(|field| field.spec)
        .collect()
}

/// Reads a settings struct.
///
/// # Errors
/// Every variable that is missing or has a value that its type refuses.
pub fn read<T: JsonSchema + DeserializeOwned>(
    prefix: &str,
    environment: &Environment,
) -> Result<T, SettingsError> {
    let mut values = Map::new();
    let mut faults = Vec::new();
    for field in fields::<T>(prefix) {
        let SettingSpec {
            variable,
            description,
            required,
            ..
        } = &field.spec;
        let problem = match environment.get(variable) {
            Some(text) => match field.parse::<T>(text) {
                Ok(value) => {
                    values.insert(field.name, value);
                    continue;
                }
                Err(problem) => problem,
            },
            None if *required => format!("is required: {description}"),
            None => continue,
        };
        faults.push(SettingFault {
            variable: variable.clone(),
            problem,
        });
    }
    if !faults.is_empty() {
        return Err(SettingsError { faults });
    }
    serde_json::from_value(Value::Object(values))
        .map_err(|error| SettingsError::fault(format!("{prefix}*"), error.to_string()))
}

/// One field of a settings struct, from its schema.
struct Field {
    name: String,
    schema: Value,
    spec: SettingSpec,
}

/// Declared order is kept, because `schemars` is built with `preserve_order`.
fn fields<T: JsonSchema>(prefix: &str) -> Vec<Field> {
    let generator = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    let schema = generator
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    let required: Vec<&str> = schema["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let Some(properties) = schema["properties"].as_object() else {
        return Vec::new();
    };
    properties
        .iter()
        .map(|(name, schema)| Field {
            name: name.clone(),
            spec: SettingSpec {
                variable: format!("{prefix}{}", name.to_uppercase()),
                description: one_line(schema["description"].as_str().unwrap_or_default()),
                required: required.contains(&name.as_str()),
                secret: schema["writeOnly"].as_bool().unwrap_or_default(),
                default: schema.get("default").and_then(shown),
            },
            schema: schema.clone(),
        })
        .collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shown(default: &Value) -> Option<String> {
    let text = default
        .as_str()
        .map_or_else(|| default.to_string(), str::to_owned);
    (!default.is_null()).then_some(text)
}

impl Field {
    /// The text as the JSON value that the field's type expects, tried on the type itself.
    fn parse<T: DeserializeOwned>(&self, text: &str) -> Result<Value, String> {
        let value = self.convert(text)?;
        let alone = Value::Object(Map::from_iter([(self.name.clone(), value.clone())]));
        match serde_path_to_error::deserialize::<_, T>(alone) {
            Err(error) if error.path().to_string() == self.name && self.spec.secret => {
                Err("has a value of the wrong form".to_owned())
            }
            Err(error) if error.path().to_string() == self.name => {
                Err(format!("is {text:?}: {}", error.inner()))
            }
            // The other fields are missing here; whether they are at all is not this field's matter.
            Ok(_) | Err(_) => Ok(value),
        }
    }

    fn convert(&self, text: &str) -> Result<Value, String> {
        let parsed = if self.has_type("integer") {
            text.parse()
                .ok()
                .map(|n: i64| n.into())
                .ok_or("a whole number")
        } else if self.has_type("number") {
            text.parse().ok().map(|n: f64| n.into()).ok_or("a number")
        } else if self.has_type("boolean") {
            match text {
                "true" | "1" | "yes" => Ok(true.into()),
                "false" | "0" | "no" => Ok(false.into()),
                _ => Err("true or false"),
            }
        } else {
            Ok(text.into())
        };
        parsed.map_err(|expected| format!("is {text:?}: expected {expected}"))
    }

    fn has_type(&self, wanted: &str) -> bool {
        let types = &self.schema["type"];
        types == wanted
            || types
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one == wanted))
    }
}

/// A time in milliseconds: the type of every `…_MS` setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(u64);

impl Millis {
    /// A time of so many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// The same as a [`Duration`].
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

impl JsonSchema for Millis {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Millis".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 0 })
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;
    use crate::Secret;

    #[derive(Debug, Deserialize, JsonSchema)]
    struct Sample {
        /// The account's
        /// key.
        api_key: Secret,
        /// Where the API is.
        #[serde(default = "Sample::api_url")]
        api_url: Url,
        /// How many at once.
        #[serde(default = "Sample::limit")]
        limit: std::num::NonZeroU32,
        /// Whether to.
        #[serde(default)]
        flag: bool,
        /// How long.
        timeout_ms: Option<Millis>,
    }

    impl Sample {
        fn api_url() -> Url {
            Url::parse("https://api.example.com/").unwrap()
        }

        fn limit() -> std::num::NonZeroU32 {
            std::num::NonZeroU32::new(4).unwrap()
        }
    }

    fn sample<const N: usize>(pairs: [(&str, &str); N]) -> Result<Sample, SettingsError> {
        read("ACME_", &Environment::from_iter(pairs))
    }

    #[test]
    fn values_are_typed_and_defaults_hold() {
        let read = sample([("ACME_API_KEY", "k"), ("ACME_TIMEOUT_MS", "250")]).unwrap();
        assert_eq!(read.api_key, Secret::new("k"));
        assert_eq!(read.api_url.as_str(), "https://api.example.com/");
        assert_eq!((read.limit.get(), read.flag), (4, false));
        assert_eq!(
            read.timeout_ms.map(Millis::duration),
            Some(Duration::from_millis(250))
        );
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let error = sample([
            ("ACME_API_URL", "not a url"),
            ("ACME_LIMIT", "0"),
            ("ACME_FLAG", "maybe"),
            ("ACME_TIMEOUT_MS", "-1"),
        ])
        .unwrap_err();
        let named: Vec<_> = error
            .faults()
            .iter()
            .map(|fault| fault.variable.as_str())
            .collect();
        let all = [
            "ACME_API_KEY",
            "ACME_API_URL",
            "ACME_LIMIT",
            "ACME_FLAG",
            "ACME_TIMEOUT_MS",
        ];
        assert_eq!(named, all);
        assert!(
            error
                .to_string()
                .contains("ACME_FLAG is \"maybe\": expected true or false")
        );
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let error = sample([("ACME_API_KEY", "")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "ACME_API_KEY is required: The account's key."
        );
    }

    #[test]
    fn the_reference_comes_from_the_struct() {
        let specs = describe::<Sample>("ACME_");
        assert_eq!(specs[0].variable, "ACME_API_KEY");
        assert!(specs[0].required && specs[0].secret);
        assert_eq!(
            specs[1].default.as_deref(),
            Some("https://api.example.com/")
        );
        assert_eq!(specs[2].default.as_deref(), Some("4"));
        assert!(!specs[4].required && specs[4].default.is_none());
    }

    #[test]
    fn neither_debug_nor_faults_show_a_value_that_may_be_secret() {
        let environment = Environment::from_iter([("ACME_API_KEY", "hunter2")]);
        assert!(!format!("{environment:?}").contains("hunter2"));
    }

    #[test]
    fn faults_of_several_readings_are_one_error() {
        let mut faults = Faults::default();
        let one = faults.keep(sample([]));
        let two = faults.keep(sample([("ACME_API_KEY", "k"), ("ACME_LIMIT", "x")]));
        let error = faults.finish(one.zip(two)).unwrap_err();
        assert_eq!(error.faults().len(), 2);
    }
}
