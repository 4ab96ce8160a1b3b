//! The common interface of tools and infra, so that the same cases test what both promise.

use async_trait::async_trait;

use super::harness::Harness;
use crate::settings::{Environment, SettingSpec, SettingsError};
use crate::{Context, InstanceId, ProviderError, Secret};

/// A provider that creates, destroys and lists one resource per instance.
#[async_trait]
pub(super) trait Subject: Sized + Send + Sync {
    /// The reference to a created resource.
    type Ref: Clone + Send + Sync;
    /// The name of the trait's method that creates.
    const MAKE: &'static str;

    fn harness(&self) -> &dyn Harness;

    /// The specs of the provider's settings.
    fn settings(&self) -> Vec<SettingSpec>;

    /// The same provider, built from other settings.
    fn rebuilt(&self, environment: &Environment) -> Result<Self, SettingsError>;

    /// The same provider within the layers, as the registry returns it.
    fn layered(&self) -> Result<Self, SettingsError>;

    /// The provider's `Debug` output.
    fn debug_output(&self) -> String;

    async fn make(&self, cx: &Context, instance: &InstanceId) -> Result<Self::Ref, ProviderError>;

    async fn remove(&self, cx: &Context, made: &Self::Ref) -> Result<(), ProviderError>;

    async fn list(&self, cx: &Context) -> Result<Vec<Self::Ref>, ProviderError>;

    /// Calls `verify`; `None` if it is not declared.
    async fn verify(&self, cx: &Context) -> Option<Result<(), ProviderError>>;

    /// Calls every other operation that is declared.
    async fn call_all_operations(
        &self,
        cx: &Context,
        instance: &InstanceId,
    ) -> Result<Tour, ProviderError>;

    fn instance(made: &Self::Ref) -> &InstanceId;

    /// The vendor's ID of the resource.
    fn id(made: &Self::Ref) -> &str;

    /// The same reference with another ID; `None` if that is not a valid one.
    fn with_id(&self, made: &Self::Ref, id: String) -> Option<Self::Ref>;
}

/// The texts that the calls of a provider exposed, and the secrets that must not be in them.
#[derive(Default)]
pub(super) struct Tour {
    /// The place of a text, and the text.
    pub(super) shown: Vec<(&'static str, String)>,
    /// The name of a secret, and the secret.
    pub(super) secrets: Vec<(String, Secret)>,
}
