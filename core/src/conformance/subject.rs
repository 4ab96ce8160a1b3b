//! What tools and infra have in common, so that what both promise is tried by the same cases.

use async_trait::async_trait;

use super::harness::Harness;
use crate::settings::{Environment, SettingSpec, SettingsError};
use crate::{Context, InstanceId, ProviderError, Secret};

/// A provider that makes, removes and lists one thing per instance.
#[async_trait]
pub(super) trait Subject: Sized + Send + Sync {
    /// The reference to one made thing.
    type Ref: Clone + Send + Sync;
    /// The trait's word for making.
    const MAKE: &'static str;

    fn harness(&self) -> &dyn Harness;

    /// The reference of the provider's settings.
    fn settings(&self) -> Vec<SettingSpec>;

    /// The same with other settings.
    fn rebuilt(&self, environment: &Environment) -> Result<Self, SettingsError>;

    /// The same within the layers, as the registry hands it out.
    fn layered(&self) -> Result<Self, SettingsError>;

    /// The provider's `Debug`.
    fn shown(&self) -> String;

    async fn make(&self, cx: &Context, instance: &InstanceId) -> Result<Self::Ref, ProviderError>;

    async fn remove(&self, cx: &Context, made: &Self::Ref) -> Result<(), ProviderError>;

    async fn list(&self, cx: &Context) -> Result<Vec<Self::Ref>, ProviderError>;

    /// `verify`; `None` where it is not declared.
    async fn verify(&self, cx: &Context) -> Option<Result<(), ProviderError>>;

    /// Calls everything else that is declared.
    async fn tour(&self, cx: &Context, instance: &InstanceId) -> Result<Tour, ProviderError>;

    fn instance(made: &Self::Ref) -> &InstanceId;

    /// The vendor's words for it.
    fn id(made: &Self::Ref) -> &str;

    /// The same reference with other words; `None` where they make no id.
    fn with_id(&self, made: &Self::Ref, id: String) -> Option<Self::Ref>;
}

/// What the calls of a provider showed, and what they must not have.
#[derive(Default)]
pub(super) struct Tour {
    /// Where a text was shown, and the text.
    pub(super) shown: Vec<(&'static str, String)>,
    /// What a secret is called, and the secret.
    pub(super) secrets: Vec<(String, Secret)>,
}
