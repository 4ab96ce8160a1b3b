//! The registry: which providers this binary was linked with, and which of them are configured.
//!
//! ```
//! # use agent_pool_core::doctest::Acme;
//! use agent_pool_core::registry::{Registry, ToolRegistration};
//! use agent_pool_core::settings::Environment;
//!
//! // In a provider's crate:
//! inventory::submit! { ToolRegistration { id: "maps", ..Acme::REGISTRATION } }
//!
//! // In the service that is linked with it:
//! # fn main() {
//! let registry = Registry::collect(&Environment::of_process()).expect("no id is taken twice");
//! assert!(registry.tools().any(|(id, _)| id.as_str() == "maps"));
//! # }
//! ```

mod error;
mod registration;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use error::{Clash, LookupError, RegistryError};
pub use registration::{InfraRegistration, ToolRegistration};

use registration::own_settings;

use crate::layer::{
    CallStats, LayerSettings, checked_infra, checked_tool, counted_infra, counted_tool, prefix_of,
};
use crate::panic::caught_now;
use crate::settings::{Environment, Faults, SettingSpec, SettingsError};
use crate::{InfraId, InfraProvider, ToolId, ToolProvider, runtime};

/// The variables that the system sets on an instance, which are no tool's.
const OURS: [&str; 8] = [
    runtime::INSTANCE_ID,
    runtime::INSTANCE_DATA_DIR,
    runtime::POOL_API_KEY,
    runtime::PORT,
    runtime::PUBLIC_URL,
    "AGENT_NAME",
    "AGENT_INSTRUCTIONS",
    "AGENT_JOIN_URL",
];

/// A tool of this build.
///
/// ```
/// # use agent_pool_core::{doctest::Acme, registry::Registry, settings::Environment};
/// # let registry = Registry::of([Acme::REGISTRATION], [], &Environment::default()).unwrap();
/// let (id, acme) = registry.tools().next().unwrap();
/// assert_eq!((id.as_str(), acme.registration.name), ("acme", "Acme"));
/// let faults = acme.provider.as_ref().unwrap_err();
/// assert_eq!(faults.to_string(), "ACME_API_KEY is required: The account's key.");
/// ```
#[derive(Debug)]
pub struct ToolEntry {
    /// What its crate registered.
    pub registration: ToolRegistration,
    /// The provider, or why there is none.
    pub provider: Result<Arc<dyn ToolProvider>, SettingsError>,
    /// What its calls came to so far.
    pub stats: Arc<CallStats>,
}

/// An infra of this build.
///
/// ```
/// # use agent_pool_core::{doctest::Elsewhere, registry::Registry, settings::Environment};
/// # let registry = Registry::of([], [Elsewhere::REGISTRATION], &Environment::default()).unwrap();
/// let (id, elsewhere) = registry.infras().next().unwrap();
/// assert_eq!(id.as_str(), "elsewhere");
/// assert!(elsewhere.provider.is_ok(), "it needs no setting");
/// assert_eq!(elsewhere.stats.snapshot().calls, 0);
/// ```
#[derive(Debug)]
pub struct InfraEntry {
    /// What its crate registered.
    pub registration: InfraRegistration,
    /// The provider, or why there is none.
    pub provider: Result<Arc<dyn InfraProvider>, SettingsError>,
    /// What its calls came to so far.
    pub stats: Arc<CallStats>,
}

/// Every provider of this build, by id.
///
/// A provider whose settings are missing or wrong is listed as unconfigured; it never breaks a start.
///
/// ```
/// # use agent_pool_core::{doctest::Acme, settings::Environment};
/// use agent_pool_core::registry::Registry;
///
/// // A service calls `Registry::collect`, which has what was linked.
/// let registry = Registry::of([Acme::REGISTRATION], [], &Environment::default()).unwrap();
/// let error = registry.tool(&"acme".parse().unwrap()).unwrap_err();
/// assert!(error.to_string().contains("ACME_API_KEY is required"));
/// ```
#[derive(Debug)]
pub struct Registry {
    tools: BTreeMap<ToolId, ToolEntry>,
    infra: BTreeMap<InfraId, InfraEntry>,
}

impl Registry {
    /// The providers that were linked and registered through `inventory`.
    ///
    /// A crate that is only in `Cargo.toml` is not linked: the binary must name it
    /// (`use provider_acme as _;`).
    ///
    /// ```
    /// use agent_pool_core::registry::Registry;
    /// use agent_pool_core::settings::Environment;
    ///
    /// // It fails on what is wrong with the build, never on a setting.
    /// assert!(Registry::collect(&Environment::default()).is_ok());
    /// ```
    ///
    /// # Errors
    /// Two crates with one id, and malformed registrations.
    pub fn collect(environment: &Environment) -> Result<Self, RegistryError> {
        Self::of(
            inventory::iter::<ToolRegistration>.into_iter().copied(),
            inventory::iter::<InfraRegistration>.into_iter().copied(),
            environment,
        )
    }

    /// A registry of exactly these providers.
    ///
    /// ```
    /// # use agent_pool_core::{doctest::Acme, registry::{Registry, ToolRegistration}, settings::Environment};
    /// let fork = ToolRegistration { crate_name: "acme-fork", ..Acme::REGISTRATION };
    /// let two = [Acme::REGISTRATION, fork];
    /// let error = Registry::of(two, [], &Environment::default()).unwrap_err();
    /// assert!(error.to_string().ends_with("by provider-acme and by acme-fork: link one of them"));
    /// ```
    ///
    /// # Errors
    /// As [`Registry::collect`].
    pub fn of(
        tools: impl IntoIterator<Item = ToolRegistration>,
        infra: impl IntoIterator<Item = InfraRegistration>,
        environment: &Environment,
    ) -> Result<Self, RegistryError> {
        let mut registry = Self {
            tools: BTreeMap::new(),
            infra: BTreeMap::new(),
        };
        for registration in tools {
            registry.add_tool(registration, environment)?;
        }
        for registration in infra {
            registry.add_infra(registration, environment)?;
        }
        Ok(registry)
    }

    fn add_tool(
        &mut self,
        registration: ToolRegistration,
        environment: &Environment,
    ) -> Result<(), RegistryError> {
        let crate_name = registration.crate_name;
        let id: ToolId = registration
            .id
            .parse()
            .map_err(malformed(crate_name, "id"))?;
        if registration.env_keys.is_empty() {
            return Err(malformed(crate_name, "env key")(
                "at least one variable is needed",
            ));
        }
        for key in registration.env_keys {
            key.parse::<crate::EnvName>()
                .map_err(malformed(crate_name, "env key"))?;
            if OURS.contains(key) {
                let problem = format!("{key} is set by the system itself");
                return Err(malformed(crate_name, "env key")(problem));
            }
        }
        if let Some(other) = self.tools.get(&id) {
            return Err(duplicate(
                "tool",
                registration.id,
                other.registration.crate_name,
                crate_name,
            ));
        }
        let stats = Arc::new(CallStats::default());
        let provider = with_layers(
            registration.id,
            registration.settings,
            registration.build,
            environment,
        );
        let provider = provider.map(|(inner, layers)| {
            let checked = checked_tool(registration.env_keys, inner);
            counted_tool(&id, layers, Arc::clone(&stats), checked)
        });
        self.tools.insert(
            id,
            ToolEntry {
                registration,
                provider,
                stats,
            },
        );
        Ok(())
    }

    fn add_infra(
        &mut self,
        registration: InfraRegistration,
        environment: &Environment,
    ) -> Result<(), RegistryError> {
        let crate_name = registration.crate_name;
        let id: InfraId = registration
            .id
            .parse()
            .map_err(malformed(crate_name, "id"))?;
        if let Some(other) = self.infra.get(&id) {
            return Err(duplicate(
                "infra",
                registration.id,
                other.registration.crate_name,
                crate_name,
            ));
        }
        let tools = self.tools.values();
        let mut namesakes = tools.filter(|tool| tool.registration.id == registration.id);
        if let Some(tool) = namesakes.next() {
            let other = tool.registration.crate_name;
            return Err(duplicate(
                "tool and infra",
                registration.id,
                other,
                crate_name,
            ));
        }
        let stats = Arc::new(CallStats::default());
        let provider = with_layers(
            registration.id,
            registration.settings,
            registration.build,
            environment,
        );
        let provider = provider.map(|(inner, layers)| {
            let checked = checked_infra(inner);
            counted_infra(&id, layers, Arc::clone(&stats), checked)
        });
        self.infra.insert(
            id,
            InfraEntry {
                registration,
                provider,
                stats,
            },
        );
        Ok(())
    }

    /// One tool's provider.
    ///
    /// ```
    /// # use agent_pool_core::{doctest::Acme, registry::Registry, settings::Environment};
    /// # let registry = Registry::of([Acme::REGISTRATION], [], &Environment::default()).unwrap();
    /// let error = registry.tool(&"acne".parse().unwrap()).unwrap_err();
    /// assert_eq!(error.to_string(), "unknown tool \"acne\": this build has acme");
    /// ```
    ///
    /// # Errors
    /// When this build does not have it, or it is not configured.
    pub fn tool(&self, id: &ToolId) -> Result<&Arc<dyn ToolProvider>, LookupError> {
        let entry = self
            .tools
            .get(id)
            .ok_or_else(|| unknown("tool", id.as_str(), self.tools.keys()))?;
        entry
            .provider
            .as_ref()
            .map_err(|problem| unconfigured("tool", id.as_str(), problem))
    }

    /// One infra's provider.
    ///
    /// ```
    /// # use agent_pool_core::{doctest::Elsewhere, registry::Registry, settings::Environment};
    /// # let registry = Registry::of([], [Elsewhere::REGISTRATION], &Environment::default()).unwrap();
    /// let infra = registry.infra(&"elsewhere".parse().unwrap()).unwrap();
    /// assert!(!infra.capabilities().logs);
    /// ```
    ///
    /// # Errors
    /// When this build does not have it, or it is not configured.
    pub fn infra(&self, id: &InfraId) -> Result<&Arc<dyn InfraProvider>, LookupError> {
        let entry = self
            .infra
            .get(id)
            .ok_or_else(|| unknown("infra", id.as_str(), self.infra.keys()))?;
        entry
            .provider
            .as_ref()
            .map_err(|problem| unconfigured("infra", id.as_str(), problem))
    }

    /// Whether all of these tools can be of one instance.
    ///
    /// ```
    /// # use agent_pool_core::{ToolId, doctest::Acme, registry::{Registry, ToolRegistration}, settings::Environment};
    /// # let bolt = ToolRegistration { id: "bolt", ..Acme::REGISTRATION };
    /// # let registry = Registry::of([Acme::REGISTRATION, bolt], [], &Environment::default()).unwrap();
    /// let [acme, bolt] = ["acme", "bolt"].map(|id| id.parse::<ToolId>().unwrap());
    /// let clash = registry.together([&acme, &bolt]).unwrap_err();
    /// assert_eq!(clash.variable, "ACME_KEY");
    /// ```
    ///
    /// # Errors
    /// The first that sets a variable which one before it sets too.
    pub fn together<'a>(&self, tools: impl IntoIterator<Item = &'a ToolId>) -> Result<(), Clash> {
        let mut owners = BTreeMap::new();
        for tool in tools {
            let entry = self.tools.get(tool);
            for &variable in entry.map_or(&[][..], |entry| entry.registration.env_keys) {
                let other = owners.insert(variable, tool);
                if let Some(other) = other.filter(|other| *other != tool) {
                    return Err(Clash {
                        tool: tool.clone(),
                        other: other.clone(),
                        variable,
                    });
                }
            }
        }
        Ok(())
    }

    /// Every tool of this build, in order of id.
    ///
    /// ```
    /// # use agent_pool_core::{doctest::Acme, registry::{Registry, ToolRegistration}, settings::Environment};
    /// # let bolt = ToolRegistration { id: "bolt", ..Acme::REGISTRATION };
    /// let registry = Registry::of([bolt, Acme::REGISTRATION], [], &Environment::default()).unwrap();
    /// let ids: Vec<&str> = registry.tools().map(|(id, _)| id.as_str()).collect();
    /// assert_eq!(ids, ["acme", "bolt"], "whatever the order of linking");
    /// ```
    pub fn tools(&self) -> impl Iterator<Item = (&ToolId, &ToolEntry)> {
        self.tools.iter()
    }

    /// Every infra of this build, in order of id.
    ///
    /// ```
    /// # use agent_pool_core::{doctest::Elsewhere, registry::Registry, settings::Environment};
    /// let registry = Registry::of([], [Elsewhere::REGISTRATION], &Environment::default()).unwrap();
    /// assert_eq!(registry.infras().count(), 1);
    /// ```
    pub fn infras(&self) -> impl Iterator<Item = (&InfraId, &InfraEntry)> {
        self.infra.iter()
    }
}

/// A provider and the settings of its layers, or the faults of both. One that panics is as one that is
/// not configured: it breaks no start.
fn with_layers<P>(
    id: &str,
    settings: fn() -> Vec<SettingSpec>,
    build: fn(&Environment) -> Result<P, SettingsError>,
    environment: &Environment,
) -> Result<(P, LayerSettings), SettingsError> {
    let mut faults = Faults::default();
    let built = caught_now(|| build(environment)).unwrap_or_else(|panicked| {
        let variables = format!("{}*", prefix_of(id));
        let problem = format!("cannot be read: the provider {panicked}");
        Err(SettingsError::fault(variables, problem))
    });
    let provider = faults.keep(built);
    let own = own_settings(id, settings);
    let layers = faults.keep(LayerSettings::read_with(id, &own, environment));
    faults.finish(provider.zip(layers))
}

fn malformed<E: ToString>(
    crate_name: &'static str,
    what: &'static str,
) -> impl Fn(E) -> RegistryError {
    move |problem| RegistryError::Malformed {
        crate_name,
        what,
        problem: problem.to_string(),
    }
}

fn duplicate(
    kind: &'static str,
    id: &str,
    first: &'static str,
    second: &'static str,
) -> RegistryError {
    RegistryError::Duplicate {
        kind,
        id: id.to_owned(),
        first,
        second,
    }
}

fn unknown<I: ToString>(
    kind: &'static str,
    id: &str,
    known: impl Iterator<Item = I>,
) -> LookupError {
    let known: Vec<String> = known.map(|id| id.to_string()).collect();
    let known = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    LookupError::Unknown {
        kind,
        id: id.to_owned(),
        known,
    }
}

fn unconfigured(kind: &'static str, id: &str, problem: &SettingsError) -> LookupError {
    LookupError::Unconfigured {
        kind,
        id: id.to_owned(),
        problem: problem.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctest::Acme;

    fn acme(id: &'static str, crate_name: &'static str) -> ToolRegistration {
        ToolRegistration {
            id,
            name: "Acme",
            mode: "per-instance-key",
            env_keys: &["ACME_KEY"],
            crate_name,
            settings: Acme::settings,
            build: Acme::build,
        }
    }

    fn configured() -> Environment {
        Environment::from_iter([("ACME_API_KEY", "k")])
    }

    #[test]
    fn two_crates_with_one_id_are_refused_and_both_named() {
        let error = Registry::of(
            [acme("acme", "one"), acme("acme", "two")],
            [],
            &configured(),
        );
        assert_eq!(
            error.unwrap_err().to_string(),
            "tool \"acme\" is registered twice, by one and by two: link one of them"
        );
    }

    #[test]
    fn a_malformed_registration_is_refused_and_named() {
        let error = Registry::of([acme("Acme!", "one")], [], &configured()).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("one registers a malformed id"),
            "{error}"
        );
        let nameless = ToolRegistration {
            env_keys: &["A-B"],
            ..acme("acme", "one")
        };
        let error = Registry::of([nameless], [], &configured()).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("one registers a malformed env key"),
            "{error}"
        );
    }

    #[test]
    fn a_tool_and_an_infra_of_one_id_are_refused() {
        let infra = InfraRegistration {
            id: "acme",
            name: "Acme",
            crate_name: "two",
            settings: Acme::settings,
            build: |_| Err(SettingsError::fault("ACME_API_KEY", "is required")),
        };
        let error = Registry::of([acme("acme", "one")], [infra], &configured()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "tool and infra \"acme\" is registered twice, by one and by two: link one of them"
        );
    }

    #[test]
    fn a_tool_may_not_set_what_the_system_sets() {
        let key = ToolRegistration {
            env_keys: &["ACME_KEY", "POOL_API_KEY"],
            ..acme("acme", "one")
        };
        let error = Registry::of([key], [], &configured()).unwrap_err();
        let expected =
            "one registers a malformed env key: POOL_API_KEY is set by the system itself";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn two_tools_that_set_one_variable_are_told_apart_and_one_twice_is_not() {
        let tools = [acme("acme", "one"), acme("bolt", "two")];
        let registry = Registry::of(tools, [], &configured()).unwrap();
        let [acme, bolt]: [ToolId; 2] = ["acme", "bolt"].map(|id| id.parse().unwrap());
        assert_eq!(registry.together([&acme, &acme]), Ok(()));
        let error = registry.together([&acme, &bolt]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "tools acme and bolt both set ACME_KEY: an instance can have one of them"
        );
    }

    #[test]
    fn a_provider_that_panics_when_it_is_built_is_as_one_that_is_not_configured() {
        let panics = ToolRegistration {
            build: |_| panic!("no such file"),
            ..acme("my-tool", "two")
        };
        let registry = Registry::of([acme("acme", "one"), panics], [], &configured()).unwrap();
        assert!(registry.tool(&"acme".parse().unwrap()).is_ok());
        let error = registry.tool(&"my-tool".parse().unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "tool \"my-tool\" is not configured: \
             MY_TOOL_* cannot be read: the provider panicked: no such file"
        );
    }

    #[test]
    fn an_unconfigured_tool_is_listed_and_names_its_variable_when_asked_for() {
        let registry = Registry::of([acme("acme", "one")], [], &Environment::default()).unwrap();
        assert_eq!(registry.tools().count(), 1);
        let error = registry
            .tool(&"acme".parse().unwrap())
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("tool \"acme\" is not configured: ACME_API_KEY is required"));
    }

    #[test]
    fn the_layers_are_set_by_the_providers_prefix_and_told_with_its_settings() {
        let environment = Environment::from_iter([("ACME_MAX_ATTEMPTS", "0")]);
        let registry = Registry::of([acme("acme", "one")], [], &environment).unwrap();
        let error = registry
            .tool(&"acme".parse().unwrap())
            .unwrap_err()
            .to_string();
        assert!(error.contains("ACME_API_KEY is required"), "{error}");
        assert!(error.contains("ACME_MAX_ATTEMPTS is \"0\""), "{error}");
        let reference = acme("acme", "one").reference();
        let names: Vec<_> = reference
            .iter()
            .map(|spec| spec.variable.as_str())
            .collect();
        assert_eq!(names[..2], ["ACME_API_KEY", "ACME_TIMEOUT_MS"]);
    }

    #[test]
    fn an_unknown_tool_is_answered_with_what_there_is() {
        let registry = Registry::of(
            [acme("acme", "one"), acme("bolt", "two")],
            [],
            &configured(),
        );
        let error = registry
            .unwrap()
            .tool(&"cork".parse().unwrap())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown tool \"cork\": this build has acme, bolt"
        );
    }

    #[test]
    fn providers_come_in_order_of_id_whatever_the_order_of_linking() {
        let registry = Registry::of([acme("zeta", "z"), acme("alfa", "a")], [], &configured());
        let registry = registry.unwrap();
        let ids: Vec<_> = registry.tools().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["alfa", "zeta"]);
    }
}
