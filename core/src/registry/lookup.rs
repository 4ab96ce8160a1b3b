use std::collections::BTreeMap;
use std::sync::Arc;

use super::entry::{Entries, Registration as _};
use super::{
    Clash, InfraEntry, InfraRegistration, LookupError, RegistryError, ToolEntry, ToolRegistration,
};
use crate::settings::Environment;
use crate::{InfraId, InfraProvider, ToolId, ToolProvider};

/// Every provider of this build, by id.
///
/// A provider whose settings are missing or wrong is listed as unconfigured; it does not prevent the start.
#[derive(Debug)]
pub struct Registry {
    tools: Entries<ToolRegistration>,
    infras: Entries<InfraRegistration>,
}

impl Registry {
    /// The providers that were linked and registered through `inventory`.
    ///
    /// A crate that is only in `Cargo.toml` is not linked: the binary must name it (`use provider_acme as _;`).
    ///
    /// # Errors
    /// Two crates with one id, and malformed registrations.
    pub fn collect(environment: &Environment) -> Result<Self, RegistryError> {
        Self::from_registrations(
            inventory::iter::<ToolRegistration>.into_iter().copied(),
            inventory::iter::<InfraRegistration>.into_iter().copied(),
            environment,
        )
    }

    /// A registry of exactly these providers.
    ///
    /// # Errors
    /// As [`Registry::collect`].
    pub fn from_registrations(
        tools: impl IntoIterator<Item = ToolRegistration>,
        infras: impl IntoIterator<Item = InfraRegistration>,
        environment: &Environment,
    ) -> Result<Self, RegistryError> {
        let mut registry = Self {
            tools: Entries::new(),
            infras: Entries::new(),
        };
        for registration in tools {
            registry.tools.add(registration, environment)?;
        }
        for registration in infras {
            registry.infras.add(registration, environment)?;
            registry.check_namesake(registration)?;
        }
        Ok(registry)
    }

    /// A tool and an infra share the prefix of their variables, so they may not share an id.
    fn check_namesake(&self, infra: InfraRegistration) -> Result<(), RegistryError> {
        let mut tools = self.tools.iter().map(|(_, tool)| tool.registration);
        match tools.find(|tool| tool.id == infra.id) {
            None => Ok(()),
            Some(tool) => Err(RegistryError::Duplicate {
                kind: "tool and infra",
                id: infra.id.to_owned(),
                first: tool.crate_name(),
                second: infra.crate_name(),
            }),
        }
    }

    /// The provider of one tool.
    ///
    /// # Errors
    /// When this build does not have it, or it is not configured.
    pub fn tool(&self, id: &ToolId) -> Result<&Arc<dyn ToolProvider>, LookupError> {
        self.tools.provider(id)
    }

    /// The provider of one infra.
    ///
    /// # Errors
    /// When this build does not have it, or it is not configured.
    pub fn infra(&self, id: &InfraId) -> Result<&Arc<dyn InfraProvider>, LookupError> {
        self.infras.provider(id)
    }

    /// Checks that one instance can have all of these tools.
    ///
    /// # Errors
    /// The first tool that sets a variable that an earlier one also sets.
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
    pub fn tools(&self) -> impl Iterator<Item = (&ToolId, &ToolEntry)> {
        self.tools.iter()
    }

    /// Every infra of this build, in order of id.
    pub fn infras(&self) -> impl Iterator<Item = (&InfraId, &InfraEntry)> {
        self.infras.iter()
    }
}
