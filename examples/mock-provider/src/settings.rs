//! Settings: the fields are the variables, their doc comments the reference.

use agent_pool_core::settings::{self, Environment, Millis, SettingSpec, SettingsError};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

const PREFIX: &str = "MOCK_";

/// The settings of every mock.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Settings {
    /// Time that the vendor takes to answer, in milliseconds.
    #[serde(default = "Settings::default_latency")]
    pub latency_ms: Millis,
    /// Share of calls that fail, from 0 to 1: half of them before and half after their effect.
    #[serde(default)]
    pub fail_rate: f64,
    /// URL of every instance of the mock infra.
    #[serde(default = "Settings::default_instance_url")]
    pub instance_url: Url,
}

impl Settings {
    /// The reference of the settings.
    #[must_use]
    pub fn describe() -> Vec<SettingSpec> {
        settings::describe::<Self>(PREFIX)
    }

    /// Reads the settings.
    ///
    /// # Errors
    /// Every variable that is malformed; none is required.
    pub fn read(environment: &Environment) -> Result<Self, SettingsError> {
        let settings: Self = settings::read(PREFIX, environment)?;
        if (0.0..=1.0).contains(&settings.fail_rate) {
            Ok(settings)
        } else {
            let problem = format!("is {}: expected 0 to 1", settings.fail_rate);
            Err(SettingsError::fault(format!("{PREFIX}FAIL_RATE"), problem))
        }
    }

    const fn default_latency() -> Millis {
        Millis::from_millis(0)
    }

    fn default_instance_url() -> Url {
        Url::parse("http://127.0.0.1:8080").expect("the text is a URL")
    }
}
