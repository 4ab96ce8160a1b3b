//! The registry: which providers this binary was linked with, and which of them are configured.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::layer::{ObservedInfra, ObservedTool};
use crate::settings::{Environment, SettingSpec, SettingsError};
use crate::{InfraId, InfraProvider, ToolId, ToolProvider};

/// How a tool provider makes itself known, from its crate's root:
///
/// ```
/// # use agent_pool_core::{doctest::Acme, settings, registry::ToolRegistration};
/// inventory::submit! {
///     ToolRegistration {
///         id: "acme",
///         name: "Acme",
///         mode: "per-instance-key",
///         env_keys: &["ACME_API_KEY"],
///         crate_name: env!("CARGO_PKG_NAME"),
///         settings: Acme::settings,
///         build: Acme::build,
///     }
/// }
/// # fn main() {}
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
    /// The crate that registers: `env!("CARGO_PKG_NAME")`.
    pub crate_name: &'static str,
    /// The reference of the provider's settings.
    pub settings: fn() -> Vec<SettingSpec>,
    /// Reads the settings and makes the provider.
    pub build: fn(&Environment) -> Result<Arc<dyn ToolProvider>, SettingsError>,
}

inventory::collect!(ToolRegistration);

/// How an infra provider makes itself known; see [`ToolRegistration`].
#[derive(Debug, Clone, Copy)]
pub struct InfraRegistration {
    /// The infra's id, as `INFRA_PROVIDER` names it.
    pub id: &'static str,
    /// The name that people read.
    pub name: &'static str,
    /// The crate that registers: `env!("CARGO_PKG_NAME")`.
    pub crate_name: &'static str,
    /// The reference of the provider's settings.
    pub settings: fn() -> Vec<SettingSpec>,
    /// Reads the settings and makes the provider.
    pub build: fn(&Environment) -> Result<Arc<dyn InfraProvider>, SettingsError>,
}

inventory::collect!(InfraRegistration);

/// Why the linked providers do not make a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Two crates register one id.
    #[error("{kind} {id:?} is registered twice, by {first} and by {second}: link one of them")]
    Duplicate {
        /// `tool` or `infra`.
        kind: &'static str,
        /// The id that both claim.
        id: String,
        /// One crate.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A registration's id or variable is malformed.
    #[error("{crate_name} registers a malformed {what}: {problem}")]
    Malformed {
        /// The crate.
        crate_name: &'static str,
        /// `id` or `env key`.
        what: &'static str,
        /// What was expected.
        problem: String,
    },
}

/// Why a provider cannot be had. Both are the asker's to mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No linked crate registers this id.
    #[error("unknown {kind} {id:?}: this build has {known}")]
    Unknown {
        /// `tool` or `infra`.
        kind: &'static str,
        /// What was asked for.
        id: String,
        /// What there is, as a list for people.
        known: String,
    },
    /// It is there, and its settings are missing or wrong.
    #[error("{kind} {id:?} is not configured: {problem}")]
    Unconfigured {
        /// `tool` or `infra`.
        kind: &'static str,
        /// What was asked for.
        id: String,
        /// The variables at fault.
        problem: SettingsError,
    },
}

/// A tool of this build.
#[derive(Debug)]
pub struct ToolEntry {
    /// What its crate registered.
    pub registration: ToolRegistration,
    /// The provider, or why there is none.
    pub provider: Result<Arc<dyn ToolProvider>, SettingsError>,
}

/// An infra of this build.
#[derive(Debug)]
pub struct InfraEntry {
    /// What its crate registered.
    pub registration: InfraRegistration,
    /// The provider, or why there is none.
    pub provider: Result<Arc<dyn InfraProvider>, SettingsError>,
}

/// Every provider of this build, by id.
///
/// A provider whose settings are missing or wrong is listed as unconfigured; it never breaks a start.
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
        }
        if let Some(other) = self.tools.get(&id) {
            return Err(duplicate(
                "tool",
                registration.id,
                other.registration.crate_name,
                crate_name,
            ));
        }
        let provider =
            (registration.build)(environment).map(|inner| ObservedTool::wrap(id.clone(), inner));
        self.tools.insert(
            id,
            ToolEntry {
                registration,
                provider,
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
        let provider =
            (registration.build)(environment).map(|inner| ObservedInfra::wrap(id.clone(), inner));
        self.infra.insert(
            id,
            InfraEntry {
                registration,
                provider,
            },
        );
        Ok(())
    }

    /// One tool's provider.
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

    /// Every tool of this build, in order of id.
    pub fn tools(&self) -> impl Iterator<Item = (&ToolId, &ToolEntry)> {
        self.tools.iter()
    }

    /// Every infra of this build, in order of id.
    pub fn infras(&self) -> impl Iterator<Item = (&InfraId, &InfraEntry)> {
        self.infra.iter()
    }
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
