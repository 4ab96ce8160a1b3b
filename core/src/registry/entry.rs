//! Code that tools and infras share to register, build and find them.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::str::FromStr;
use std::sync::Arc;

use tracing::error;

use super::{LookupError, RegistryError};
use crate::layer::{CallStats, LayerSettings, prefix_of};
use crate::panic::caught_now;
use crate::price::{Price, PriceSettings};
use crate::settings::{Environment, Faults, SettingSpec, SettingsError};

/// The registration of a provider by its crate. There are two kinds: [`ToolRegistration`](super::ToolRegistration)
/// and [`InfraRegistration`](super::InfraRegistration).
pub trait Registration: Copy + Debug + 'static {
    /// The typed id.
    type Id: FromStr<Err: Display> + Ord + Display;
    /// What is registered, such as `dyn ToolProvider`.
    type Provider: ?Sized + Debug;

    /// `tool` or `infra`.
    const KIND: &'static str;

    /// The provider's id.
    fn id(&self) -> &'static str;

    /// The name of the registering crate.
    fn crate_name(&self) -> &'static str;

    /// The specs of the provider's own settings.
    fn own_settings(&self) -> Vec<SettingSpec>;

    /// Reads the settings and builds the provider.
    ///
    /// # Errors
    /// Every setting that is missing or wrong.
    fn build(&self, environment: &Environment) -> Result<Arc<Self::Provider>, SettingsError>;

    /// Checks the registration except for its id.
    ///
    /// # Errors
    /// A malformed member.
    fn check(&self) -> Result<(), RegistryError>;

    /// The provider with its layers around it.
    fn with_layers(
        &self,
        id: &Self::Id,
        settings: LayerSettings,
        stats: Arc<CallStats>,
        provider: Arc<Self::Provider>,
    ) -> Arc<Self::Provider>;
}

/// The specs of all settings: the provider's own, then those of its layers and its prices.
pub(super) fn reference(registration: &impl Registration) -> Vec<SettingSpec> {
    let mut all = own_settings(registration);
    // A setting that the provider declares itself has the provider's default.
    let mut of_all = LayerSettings::describe(registration.id());
    of_all.extend(PriceSettings::describe(registration.id()));
    of_all.retain(|spec| all.iter().all(|own| own.variable != spec.variable));
    all.extend(of_all);
    all
}

/// The settings that a provider declares. One that panics declares none.
fn own_settings(registration: &impl Registration) -> Vec<SettingSpec> {
    caught_now(|| registration.own_settings()).unwrap_or_else(|panicked| {
        let id = registration.id();
        error!("the settings of {id} cannot be listed: the provider {panicked}");
        Vec::new()
    })
}

/// The values of the settings that are not secret.
fn shown_values(settings: Vec<SettingSpec>, environment: &Environment) -> BTreeMap<String, String> {
    let shown = settings.into_iter().filter(|spec| !spec.secret);
    let values = shown.filter_map(|spec| {
        let set = environment.get(&spec.variable).map(ToOwned::to_owned);
        Some((spec.variable, set.or(spec.default)?))
    });
    values.collect()
}

/// One provider of this build.
#[derive(Debug)]
pub struct Entry<R: Registration> {
    /// The registration by its crate.
    pub registration: R,
    /// The provider, or why it cannot be used.
    pub provider: Result<Arc<R::Provider>, SettingsError>,
    /// The outcomes of its calls so far.
    pub stats: Arc<CallStats>,
    /// The price of one of its resources; zero if its settings cannot be used.
    pub price: Price,
    /// Its own settings that are not secret, by variable, as set or by default.
    pub settings: BTreeMap<String, String>,
}

/// Every provider of one kind, by id.
#[derive(Debug)]
pub(super) struct Entries<R: Registration>(BTreeMap<R::Id, Entry<R>>);

impl<R: Registration> Entries<R> {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    pub(super) fn add(
        &mut self,
        registration: R,
        environment: &Environment,
    ) -> Result<(), RegistryError> {
        let crate_name = registration.crate_name();
        let id: R::Id = registration
            .id()
            .parse()
            .map_err(|error| RegistryError::malformed(crate_name, "id", error))?;
        registration.check()?;
        if let Some(other) = self.0.get(&id) {
            return Err(RegistryError::Duplicate {
                kind: R::KIND,
                id: id.to_string(),
                first: other.registration.crate_name(),
                second: crate_name,
            });
        }
        let stats = Arc::new(CallStats::default());
        let built = build(registration, environment);
        let price = built.as_ref().map(|built| built.price).unwrap_or_default();
        let provider = built.map(|built| {
            registration.with_layers(&id, built.layers, Arc::clone(&stats), built.provider)
        });
        let entry = Entry {
            registration,
            provider,
            stats,
            price,
            settings: shown_values(own_settings(&registration), environment),
        };
        self.0.insert(id, entry);
        Ok(())
    }

    pub(super) fn get(&self, id: &R::Id) -> Option<&Entry<R>> {
        self.0.get(id)
    }

    pub(super) fn provider(&self, id: &R::Id) -> Result<&Arc<R::Provider>, LookupError> {
        let entry = self.0.get(id).ok_or_else(|| LookupError::Unknown {
            kind: R::KIND,
            id: id.to_string(),
            known: self.ids(),
        })?;
        entry
            .provider
            .as_ref()
            .map_err(|problem| LookupError::Unconfigured {
                kind: R::KIND,
                id: id.to_string(),
                problem: problem.clone(),
            })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&R::Id, &Entry<R>)> {
        self.0.iter()
    }

    fn ids(&self) -> String {
        if self.0.is_empty() {
            return "none".to_owned();
        }
        let ids = self.0.keys().map(ToString::to_string);
        ids.collect::<Vec<_>>().join(", ")
    }
}

/// A provider with the values of its settings.
struct Built<R: Registration> {
    provider: Arc<R::Provider>,
    layers: LayerSettings,
    price: Price,
}

/// The provider, the settings of its layers and its prices, or the faults of all. A provider that panics counts as
/// not configured; it does not prevent the start.
fn build<R: Registration>(
    registration: R,
    environment: &Environment,
) -> Result<Built<R>, SettingsError> {
    let id = registration.id();
    let mut faults = Faults::default();
    let built = caught_now(|| registration.build(environment)).unwrap_or_else(|panicked| {
        let variables = format!("{}*", prefix_of(id));
        let problem = format!("cannot be read: the provider {panicked}");
        Err(SettingsError::fault(variables, problem))
    });
    let provider = faults.keep(built);
    let own = own_settings(&registration);
    let layers = faults.keep(LayerSettings::read_with(id, &own, environment));
    let price = faults.keep(PriceSettings::read_with(id, &own, environment));
    let built = provider.zip(layers).zip(price);
    faults.finish(built.map(|((provider, layers), price)| Built {
        provider,
        layers,
        price,
    }))
}
