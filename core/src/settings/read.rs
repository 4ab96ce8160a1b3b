//! Reading a settings struct, and describing it, from its JSON Schema.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::{Environment, SettingFault, SettingsError};

/// One setting, as the reference and `/registry` show it.
///
/// ```
/// # use agent_pool_core::settings::{self, Environment};
/// #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
/// struct AcmeSettings {
///     /// The account's key.
///     api_key: agent_pool_core::Secret,
///     /// How many keys there may be.
///     limit: Option<u32>,
/// }
///
/// let specs = settings::describe::<AcmeSettings>("ACME_");
/// assert!(specs[0].required && specs[0].secret);
/// assert_eq!(specs[1].description, "How many keys there may be.");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SettingSpec {
    /// The environment variable.
    pub variable: String,
    /// Its purpose.
    pub description: String,
    /// Whether it is required.
    pub required: bool,
    /// Whether its value is secret and never shown.
    pub secret: bool,
    /// The value if it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// The specs of a settings struct, in order of its fields.
///
/// ```
/// # use agent_pool_core::settings::{self, Environment};
/// #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
/// struct AcmeSettings {
///     /// The account's key.
///     api_key: agent_pool_core::Secret,
///     /// How many keys there may be.
///     limit: Option<u32>,
/// }
///
/// let specs = settings::describe::<AcmeSettings>("ACME_");
/// let variables: Vec<_> = specs.iter().map(|spec| spec.variable.as_str()).collect();
/// assert_eq!(variables, ["ACME_API_KEY", "ACME_LIMIT"]);
/// ```
#[must_use]
pub fn describe<T: JsonSchema>(prefix: &str) -> Vec<SettingSpec> {
    fields::<T>(prefix)
        .into_iter()
        .map(|field| field.spec)
        .collect()
}

/// Reads a settings struct.
///
/// ```
/// # use agent_pool_core::settings::{self, Environment};
/// #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
/// struct AcmeSettings {
///     /// The account's key.
///     api_key: agent_pool_core::Secret,
///     /// How many keys there may be.
///     limit: Option<u32>,
/// }
///
/// let typed = Environment::from_iter([("ACME_API_KEY", "sk-123"), ("ACME_LIMIT", "7")]);
/// let settings: AcmeSettings = settings::read("ACME_", &typed).unwrap();
/// assert_eq!(settings.limit, Some(7));
///
/// let wrong = Environment::from_iter([("ACME_LIMIT", "many")]);
/// let error = settings::read::<AcmeSettings>("ACME_", &wrong).unwrap_err();
/// assert_eq!(error.faults().len(), 2, "both are named: {error}");
/// ```
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
        let text = match environment.get(variable) {
            Some(text) => Ok(Some(text.to_owned())),
            None if field.spec.secret => from_file(variable, environment),
            None => Ok(None),
        };
        let problem = match text.map(|text| text.map(|text| field.parse::<T>(&text))) {
            Ok(Some(Ok(value))) => {
                values.insert(field.name, value);
                continue;
            }
            Ok(Some(Err(problem))) | Err(problem) => problem,
            Ok(None) if *required => format!("is required: {description}"),
            Ok(None) => continue,
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

/// `environment`, in which unset variables of `specs` have the default that `own` declares.
pub(crate) fn with_defaults(
    specs: &[SettingSpec],
    own: &[SettingSpec],
    environment: &Environment,
) -> Environment {
    let mut environment = environment.clone();
    for SettingSpec { variable, .. } in specs {
        let own = own.iter().find(|spec| spec.variable == *variable);
        let default = own.and_then(|spec| spec.default.as_deref());
        if let Some(default) = default.filter(|_| environment.get(variable).is_none()) {
            environment.set(variable, default);
        }
    }
    environment
}

/// The value of a secret setting from the file that `{variable}_FILE` names, as containers mount them.
fn from_file(variable: &str, environment: &Environment) -> Result<Option<String>, String> {
    let Some(path) = environment.get(&format!("{variable}_FILE")) else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(path).map_err(|error| {
        format!("cannot be read from {path}, which {variable}_FILE names: {error}")
    })?;
    let text = text.trim_end_matches(['\r', '\n']);
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// A URL literal, as a setting's default.
///
/// ```
/// let default = agent_pool_core::settings::url("https://api.example.com/v1");
/// assert_eq!(default.path(), "/v1");
/// ```
///
/// # Panics
/// When `text` is not a URL, which is a bug of the calling crate.
#[must_use]
#[expect(clippy::expect_used, reason = "a constant of the code")]
pub fn url(text: &'static str) -> Url {
    Url::parse(text).expect("the code states a URL")
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
    /// Converts the text to the JSON value that the field's type expects, and checks it with that type.
    fn parse<T: DeserializeOwned>(&self, text: &str) -> Result<Value, String> {
        let value = self.convert(text)?;
        let alone = Value::Object(Map::from_iter([(self.name.clone(), value.clone())]));
        match serde_path_to_error::deserialize::<_, T>(alone) {
            Err(error) if error.path().to_string() == self.name && self.spec.secret => {
                // A type that holds a secret describes the fault without quoting it; serde's own errors quote it.
                let message = error.inner().to_string();
                let quotes = message.contains(text) || message.starts_with("invalid type");
                let safe = (!quotes).then_some(message);
                Err(safe.unwrap_or_else(|| "has a value of the wrong form".to_owned()))
            }
            Err(error) if error.path().to_string() == self.name => {
                Err(format!("is {text:?}: {}", error.inner()))
            }
            // The other fields are missing here; that is not a fault of this field.
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Faults, Millis};
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
    fn a_fault_of_a_secret_does_not_show_its_value() {
        #[derive(Debug, Deserialize, JsonSchema)]
        struct Strict {
            #[serde(deserialize_with = "refuse")]
            #[expect(dead_code, reason = "only its refusal matters")]
            key: Secret,
        }
        fn refuse<'de, D: serde::Deserializer<'de>>(secret: D) -> Result<Secret, D::Error> {
            let secret = Secret::deserialize(secret)?;
            Err(serde::de::Error::custom(format!(
                "{} is too short",
                secret.expose()
            )))
        }
        let error = read::<Strict>("", &Environment::from_iter([("KEY", "hunter2")])).unwrap_err();
        assert_eq!(error.to_string(), "KEY has a value of the wrong form");
    }

    #[test]
    fn a_secret_that_says_what_is_wrong_without_its_value_is_understood() {
        #[derive(Debug, Deserialize, JsonSchema)]
        struct Strict {
            #[serde(deserialize_with = "refuse")]
            #[expect(dead_code, reason = "only its refusal matters")]
            key: Secret,
        }
        fn refuse<'de, D: serde::Deserializer<'de>>(secret: D) -> Result<Secret, D::Error> {
            Secret::deserialize(secret)?;
            Err(serde::de::Error::custom("has 7 characters"))
        }
        let error = read::<Strict>("", &Environment::from_iter([("KEY", "hunter2")])).unwrap_err();
        assert_eq!(error.to_string(), "KEY has 7 characters");
    }

    #[test]
    fn a_secret_may_be_in_a_file_and_its_variable_wins() {
        #[derive(Debug, Deserialize, JsonSchema)]
        struct Keyed {
            key: Secret,
        }
        let id = crate::InstanceId::generate();
        let path = std::env::temp_dir().join(format!("agent-pool-secret-{id}"));
        std::fs::write(&path, "from-file\r\n").unwrap();
        let file = ("KEY_FILE", path.to_str().unwrap());
        let read = |pairs: &[(&str, &str)]| {
            read::<Keyed>("", &Environment::from_iter(pairs.iter().copied()))
        };
        assert_eq!(read(&[file]).unwrap().key.expose(), "from-file");
        assert_eq!(read(&[file, ("KEY", "set")]).unwrap().key.expose(), "set");
        std::fs::remove_file(&path).unwrap();
        let error = read(&[file]).unwrap_err().to_string();
        assert!(error.starts_with("KEY cannot be read from"), "{error}");
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
