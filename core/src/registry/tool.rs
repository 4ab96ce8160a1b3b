use std::sync::Arc;

use super::RegistryError;
use super::entry::{Registration, reference};
use crate::http::{self, HttpTool};
use crate::layer::{CallStats, LayerSettings, checked_tool, counted_tool};
use crate::settings::{Environment, SettingSpec, SettingsError};
use crate::{EnvName, ToolId, ToolProvider, runtime};

/// The variables that the system itself sets on an instance.
const RESERVED: [&str; 8] = [
    runtime::INSTANCE_ID,
    runtime::INSTANCE_DATA_DIR,
    runtime::POOL_API_KEY,
    runtime::PORT,
    runtime::PUBLIC_URL,
    "AGENT_NAME",
    "AGENT_INSTRUCTIONS",
    "AGENT_JOIN_URL",
];

/// The registration of a tool, at the root of its crate. A tool of the HTTP kit uses [`ToolRegistration::for_tool`]:
///
/// ```ignore
/// inventory::submit! { ToolRegistration::for_tool::<Acme>(env!("CARGO_PKG_NAME")) }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ToolRegistration {
    /// The tool's id, as requests name it.
    pub id: &'static str,
    /// The name that people read.
    pub name: &'static str,
    /// What an instance gets, such as `per-instance-key`.
    pub mode: &'static str,
    /// The variables that an instance gets; the first is the tool's main one.
    pub env_keys: &'static [&'static str],
    /// The name of the registering crate: `env!("CARGO_PKG_NAME")`.
    pub crate_name: &'static str,
    /// The specs of the provider's own settings; [`Self::reference`] also has those of the layers.
    pub settings: fn() -> Vec<SettingSpec>,
    /// Reads the settings and builds the provider.
    pub build: fn(&Environment) -> Result<Arc<dyn ToolProvider>, SettingsError>,
}

impl ToolRegistration {
    /// The registration of a tool of the HTTP kit. `crate_name` is `env!("CARGO_PKG_NAME")` of the crate that
    /// registers.
    #[must_use]
    pub const fn for_tool<T: HttpTool>(crate_name: &'static str) -> Self {
        Self {
            id: T::ID,
            name: T::NAME,
            mode: T::MODE,
            env_keys: T::ENV_KEYS,
            crate_name,
            settings: http::describe::<T>,
            build: http::build::<T>,
        }
    }

    /// The specs of all settings: the provider's own, then those of its layers.
    #[must_use]
    pub fn reference(&self) -> Vec<SettingSpec> {
        reference(self)
    }
}

inventory::collect!(ToolRegistration);

impl Registration for ToolRegistration {
    type Id = ToolId;
    type Provider = dyn ToolProvider;

    const KIND: &'static str = "tool";

    fn id(&self) -> &'static str {
        self.id
    }

    fn crate_name(&self) -> &'static str {
        self.crate_name
    }

    fn own_settings(&self) -> Vec<SettingSpec> {
        (self.settings)()
    }

    fn build(&self, environment: &Environment) -> Result<Arc<dyn ToolProvider>, SettingsError> {
        (self.build)(environment)
    }

    /// At least one variable, and none that the system itself sets.
    fn check(&self) -> Result<(), RegistryError> {
        let malformed = |problem| RegistryError::malformed(self.crate_name, "env key", problem);
        if self.env_keys.is_empty() {
            return Err(malformed("at least one variable is needed".to_owned()));
        }
        for key in self.env_keys {
            key.parse::<EnvName>()
                .map_err(|error| malformed(error.to_string()))?;
            if RESERVED.contains(key) {
                return Err(malformed(format!("{key} is set by the system itself")));
            }
        }
        Ok(())
    }

    fn with_layers(
        &self,
        id: &ToolId,
        settings: LayerSettings,
        stats: Arc<CallStats>,
        provider: Arc<dyn ToolProvider>,
    ) -> Arc<dyn ToolProvider> {
        counted_tool(id, settings, stats, checked_tool(self.env_keys, provider))
    }
}
