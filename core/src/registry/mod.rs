//! The registry: which providers this binary was linked with, and which of them are configured.

mod error;
mod registration;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use error::{LookupError, RegistryError};
pub use registration::{InfraRegistration, ToolRegistration};

use crate::layer::{LayerSettings, layered_infra, layered_tool};
use crate::settings::{Environment, Faults, SettingsError};
use crate::{InfraId, InfraProvider, ToolId, ToolProvider};

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
        let provider = with_layers(
            registration.id,
            (registration.build)(environment),
            environment,
        )
        .map(|(inner, layers)| layered_tool(&id, layers, inner));
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
        let provider = with_layers(
            registration.id,
            (registration.build)(environment),
            environment,
        )
        .map(|(inner, layers)| layered_infra(&id, layers, inner));
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

/// A provider and the settings of its layers, or the faults of both.
fn with_layers<P>(
    id: &str,
    provider: Result<P, SettingsError>,
    environment: &Environment,
) -> Result<(P, LayerSettings), SettingsError> {
    let mut faults = Faults::default();
    let provider = faults.keep(provider);
    let layers = faults.keep(LayerSettings::read(id, environment));
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
