//! What a provider's crate submits to make itself known.

use std::sync::Arc;

use tracing::error;

use crate::http::{self, HttpTool};
use crate::layer::LayerSettings;
use crate::panic::caught_now;
use crate::settings::{Environment, SettingSpec, SettingsError};
use crate::{InfraProvider, ToolProvider};

/// How a tool provider makes itself known, from its crate's root:
///
/// ```
/// # use agent_pool_core::{doctest::Acme as SharedKey, registry::ToolRegistration};
/// inventory::submit! {
///     ToolRegistration {
///         id: "shared-key",
///         name: "Shared key",
///         mode: "shared-key",
///         env_keys: &["SHARED_KEY"],
///         crate_name: env!("CARGO_PKG_NAME"),
///         settings: SharedKey::settings,
///         build: SharedKey::build,
///     }
/// }
/// # fn main() {
/// // A binary that names the crate, `use provider_shared_key as _;`, has it.
/// let mut linked = inventory::iter::<ToolRegistration>.into_iter();
/// assert!(linked.any(|one| one.id == "shared-key"));
/// # }
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
    /// The reference of the provider's own settings; [`Self::reference`] has the layers' too.
    pub settings: fn() -> Vec<SettingSpec>,
    /// Reads the settings and makes the provider.
    pub build: fn(&Environment) -> Result<Arc<dyn ToolProvider>, SettingsError>,
}

impl ToolRegistration {
    /// How a tool of the HTTP kit makes itself known; see [`HttpTool`] for an example.
    ///
    /// `crate_name` is `env!("CARGO_PKG_NAME")` of the crate that registers.
    ///
    /// ```
    /// use agent_pool_core::prelude::*;
    /// # agent_pool_core::doctest_tool! {}
    ///
    /// const REGISTRATION: ToolRegistration = ToolRegistration::of::<Acme>("provider-acme");
    /// assert_eq!(REGISTRATION.id, Acme::ID);
    /// assert_eq!(REGISTRATION.reference()[0].variable, "ACME_MAPS_TIMEOUT_MS");
    /// ```
    #[must_use]
    pub const fn of<T: HttpTool>(crate_name: &'static str) -> Self {
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

    /// The reference of all that can be set: the provider's own, then its layers'.
    ///
    /// ```
    /// # use agent_pool_core::doctest::Acme;
    /// let reference = Acme::REGISTRATION.reference();
    /// let variables: Vec<&str> = reference.iter().map(|spec| spec.variable.as_str()).collect();
    /// assert_eq!(variables[..2], ["ACME_API_KEY", "ACME_TIMEOUT_MS"]);
    /// ```
    #[must_use]
    pub fn reference(&self) -> Vec<SettingSpec> {
        reference(self.id, self.settings)
    }
}

inventory::collect!(ToolRegistration);

/// How an infra provider makes itself known; see [`ToolRegistration`].
///
/// ```
/// # use std::sync::Arc;
/// # use agent_pool_core::{doctest::Elsewhere, registry::InfraRegistration};
/// inventory::submit! {
///     InfraRegistration {
///         id: "elsewhere",
///         name: "Elsewhere",
///         crate_name: env!("CARGO_PKG_NAME"),
///         settings: Vec::new, // it has none
///         build: |_| Ok(Arc::new(Elsewhere)),
///     }
/// }
/// # fn main() {
/// let mut linked = inventory::iter::<InfraRegistration>.into_iter();
/// assert!(linked.any(|one| one.id == "elsewhere"));
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct InfraRegistration {
    /// The infra's id, as `INFRA_PROVIDER` names it.
    pub id: &'static str,
    /// The name that people read.
    pub name: &'static str,
    /// The crate that registers: `env!("CARGO_PKG_NAME")`.
    pub crate_name: &'static str,
    /// The reference of the provider's own settings; [`Self::reference`] has the layers' too.
    pub settings: fn() -> Vec<SettingSpec>,
    /// Reads the settings and makes the provider.
    pub build: fn(&Environment) -> Result<Arc<dyn InfraProvider>, SettingsError>,
}

impl InfraRegistration {
    /// The reference of all that can be set: the provider's own, then its layers'.
    ///
    /// ```
    /// # use agent_pool_core::doctest::Elsewhere;
    /// // Without settings of its own, it has those of its layers.
    /// let reference = Elsewhere::REGISTRATION.reference();
    /// assert_eq!(reference[0].variable, "ELSEWHERE_TIMEOUT_MS");
    /// ```
    #[must_use]
    pub fn reference(&self) -> Vec<SettingSpec> {
        reference(self.id, self.settings)
    }
}

inventory::collect!(InfraRegistration);

fn reference(id: &str, own: fn() -> Vec<SettingSpec>) -> Vec<SettingSpec> {
    let mut all = own_settings(id, own);
    // A setting of a layer that the provider declares itself has the provider's default.
    let mut of_layers = LayerSettings::describe(id);
    of_layers.retain(|spec| all.iter().all(|own| own.variable != spec.variable));
    all.extend(of_layers);
    all
}

/// The settings that a provider declares. One that panics declares none.
pub(super) fn own_settings(id: &str, own: fn() -> Vec<SettingSpec>) -> Vec<SettingSpec> {
    caught_now(own).unwrap_or_else(|panicked| {
        error!("the settings of {id} cannot be described: the provider {panicked}");
        Vec::new()
    })
}
