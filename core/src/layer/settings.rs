use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::settings::{self, Environment, Millis, SettingSpec, SettingsError};

/// How the layers around one provider behave.
///
/// ```
/// use agent_pool_core::layer::LayerSettings;
/// use agent_pool_core::settings::Environment;
///
/// let slow = Environment::from_iter([("ACME_RATE_PER_MINUTE", "30")]);
/// let settings = LayerSettings::read("acme", &slow).unwrap();
/// assert_eq!(settings.rate_per_minute.unwrap().get(), 30);
/// assert_eq!(settings.max_attempts.get(), 4);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct LayerSettings {
    /// Time limit of one attempt of an operation. If it is too short, operations that are almost finished are
    /// repeated.
    #[serde(default = "timeout")]
    pub timeout_ms: Millis,
    /// Maximum number of attempts of an operation; 1 means no retries.
    #[serde(default = "max_attempts")]
    pub max_attempts: NonZeroU32,
    /// Maximum number of attempts per minute. Each makes several calls to the vendor. Not set: no limit.
    pub rate_per_minute: Option<NonZeroU32>,
    /// Maximum number of concurrent attempts.
    #[serde(default = "max_concurrent")]
    pub max_concurrent: NonZeroU32,
}

/// Longer than a vendor takes to fulfil an order or to answer all pages of a large list.
const fn timeout() -> Millis {
    Millis::from_millis(180_000)
}

const FOUR: NonZeroU32 = NonZeroU32::MIN.saturating_add(3);
const SIXTEEN: NonZeroU32 = NonZeroU32::MIN.saturating_add(15);

const fn max_attempts() -> NonZeroU32 {
    FOUR
}

const fn max_concurrent() -> NonZeroU32 {
    SIXTEEN
}

/// The prefix of the variables that set a provider's layers: its id in capitals, such as `TELNYX_`.
///
/// ```
/// assert_eq!(agent_pool_core::layer::prefix_of("mock-llm"), "MOCK_LLM_");
/// ```
#[must_use]
pub fn prefix_of(id: &str) -> String {
    id.to_ascii_uppercase().replace('-', "_") + "_"
}

impl LayerSettings {
    /// The specs of the settings of the provider `id`.
    ///
    /// ```
    /// use agent_pool_core::layer::LayerSettings;
    ///
    /// let reference = LayerSettings::describe("mock-llm");
    /// assert_eq!(reference[0].variable, "MOCK_LLM_TIMEOUT_MS");
    /// ```
    #[must_use]
    pub fn describe(id: &str) -> Vec<SettingSpec> {
        settings::describe::<Self>(&prefix_of(id))
    }

    /// The settings of the provider `id`.
    ///
    /// # Errors
    /// Every variable with a value that its type refuses.
    pub fn read(id: &str, environment: &Environment) -> Result<Self, SettingsError> {
        settings::read(&prefix_of(id), environment)
    }

    /// Like [`LayerSettings::read`], with the provider's own defaults: a provider that declares a setting of the same
    /// name, such as a field `max_concurrent` with the default 1, gives the layer that default.
    ///
    /// # Errors
    /// As [`LayerSettings::read`].
    pub fn read_with(
        id: &str,
        own: &[SettingSpec],
        environment: &Environment,
    ) -> Result<Self, SettingsError> {
        let environment = settings::with_defaults(&Self::describe(id), own, environment);
        Self::read(id, &environment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_has_defaults_of_its_own_that_an_operator_overrides() {
        #[derive(Deserialize, JsonSchema)]
        struct Own {
            /// Number of concurrent calls.
            #[serde(default = "one")]
            #[expect(dead_code, reason = "the layer reads it")]
            max_concurrent: NonZeroU32,
        }
        const fn one() -> NonZeroU32 {
            NonZeroU32::MIN
        }
        let own = settings::describe::<Own>("ACME_");
        let read = |environment| LayerSettings::read_with("acme", &own, &environment).unwrap();
        let settings = read(Environment::default());
        assert_eq!(settings.max_concurrent, NonZeroU32::MIN);
        assert_eq!(settings.max_attempts, FOUR, "the others stay");
        let set = Environment::from_iter([("ACME_MAX_CONCURRENT", "5")]);
        assert_eq!(read(set).max_concurrent.get(), 5);
    }

    #[test]
    fn a_providers_id_is_the_prefix() {
        let environment = Environment::from_iter([("MY_TOOL_MAX_ATTEMPTS", "1")]);
        let settings = LayerSettings::read("my-tool", &environment).unwrap();
        assert_eq!(settings.max_attempts, NonZeroU32::MIN);
        assert_eq!(settings.timeout_ms, timeout());
        let described = LayerSettings::describe("my-tool");
        assert_eq!(described[0].variable, "MY_TOOL_TIMEOUT_MS");
        assert_eq!(described[0].default.as_deref(), Some("180000"));
    }
}
