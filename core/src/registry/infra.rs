use std::sync::Arc;

use super::RegistryError;
use super::entry::{Registration, reference};
use crate::layer::{CallStats, LayerSettings, checked_infra, counted_infra};
use crate::settings::{Environment, SettingSpec, SettingsError};
use crate::{InfraId, InfraProvider};

/// The registration of an infra, at the root of its crate:
///
/// ```ignore
/// inventory::submit! {
///     InfraRegistration {
///         id: "elsewhere",
///         name: "Elsewhere",
///         crate_name: env!("CARGO_PKG_NAME"),
///         settings: Vec::new, // it has none
///         build: |_| Ok(Arc::new(Elsewhere)),
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct InfraRegistration {
    /// The infra's id, as `INFRA_PROVIDER` names it.
    pub id: &'static str,
    /// The name that people read.
    pub name: &'static str,
    /// The name of the registering crate: `env!("CARGO_PKG_NAME")`.
    pub crate_name: &'static str,
    /// The specs of the provider's own settings; [`Self::reference`] also has those of the layers.
    pub settings: fn() -> Vec<SettingSpec>,
    /// Reads the settings and builds the provider.
    pub build: fn(&Environment) -> Result<Arc<dyn InfraProvider>, SettingsError>,
}

impl InfraRegistration {
    /// The specs of all settings: the provider's own, then those of its layers.
    #[must_use]
    pub fn reference(&self) -> Vec<SettingSpec> {
        reference(self)
    }
}

inventory::collect!(InfraRegistration);

impl Registration for InfraRegistration {
    type Id = InfraId;
    type Provider = dyn InfraProvider;

    const KIND: &'static str = "infra";

    fn id(&self) -> &'static str {
        self.id
    }

    fn crate_name(&self) -> &'static str {
        self.crate_name
    }

    fn own_settings(&self) -> Vec<SettingSpec> {
        (self.settings)()
    }

    fn build(&self, environment: &Environment) -> Result<Arc<dyn InfraProvider>, SettingsError> {
        (self.build)(environment)
    }

    fn check(&self) -> Result<(), RegistryError> {
        Ok(())
    }

    fn with_layers(
        &self,
        id: &InfraId,
        settings: LayerSettings,
        stats: Arc<CallStats>,
        provider: Arc<dyn InfraProvider>,
    ) -> Arc<dyn InfraProvider> {
        counted_infra(id, settings, stats, checked_infra(provider))
    }
}
