//! Infrastructure: where an instance runs.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{Context, EnvVars, InstanceId, ProviderError, ServiceId};

/// Runs instances. Used as `Arc<dyn InfraProvider>`.
///
/// Every operation is idempotent on the instance.
///
/// ```
/// use agent_pool_core::{
///     Context, CreatedInfra, EnvVars, ErrorKind, InfraHandle, InfraProvider, InstanceId,
///     InstanceSpec, ListedInstance, ProviderError, Redeploy,
/// };
///
/// /// Another team runs the instances: what is created is an address, and nothing is ours to change.
/// #[derive(Debug)]
/// struct Elsewhere;
///
/// #[async_trait::async_trait]
/// impl InfraProvider for Elsewhere {
///     async fn create(
///         &self,
///         cx: &Context,
///         instance: &InstanceId,
///         _: &InstanceSpec,
///     ) -> Result<CreatedInfra, ProviderError> {
///         let label = cx.mark().label(instance);
///         let url = format!("https://{label}.agents.example").parse().map_err(|error| {
///             ProviderError::new(ErrorKind::Protocol, "unusable label").with_source(error)
///         })?;
///         let handle = InfraHandle {
///             instance: instance.clone(),
///             service: label.parse()?,
///             environment: "elsewhere".to_owned(),
///             project: None,
///             volume: None,
///             image: None,
///         };
///         Ok(CreatedInfra { handle, url })
///     }
///
///     async fn configure(
///         &self,
///         _: &Context,
///         _: &InfraHandle,
///         _: &EnvVars,
///         _: Redeploy,
///     ) -> Result<(), ProviderError> {
///         Ok(())
///     }
///
///     async fn redeploy(&self, _: &Context, _: &InfraHandle) -> Result<(), ProviderError> {
///         Ok(())
///     }
///
///     async fn destroy(&self, _: &Context, _: &InfraHandle) -> Result<(), ProviderError> {
///         Ok(())
///     }
///
///     async fn list(&self, _: &Context) -> Result<Vec<ListedInstance>, ProviderError> {
///         Ok(Vec::new())
///     }
/// }
/// # let cx = agent_pool_core::doctest::cx();
/// # let instance = "k3v9x0a1b2c3".parse().unwrap();
/// # let spec = InstanceSpec { name: "x".to_owned(), image: None };
/// # let created = agent_pool_core::doctest::run(Elsewhere.create(&cx, &instance, &spec)).unwrap();
/// # assert_eq!(created.url.as_str(), "https://ap-dev-k3v9x0a1b2c3.agents.example/");
/// ```
///
/// **Contract**
/// - A call may be cancelled at any point by dropping its future; the next call then goes on from what is
///   there.
/// - A call ends by the deadline of its context, as `Unavailable`.
/// - A key that the vendor does not accept is `Unauthorized`.
/// - A vendor that asks to slow down is `RateLimited`, with the wait that it asks for, be it in seconds or
///   as a date.
/// - A vendor that is down or cuts the connection is `Unavailable`.
/// - An answer that cannot be understood is `Protocol`.
/// - No secret is in a `Debug`, an error or a trace.
/// - A capability that is declared is there; one that is not answers `Unsupported`.
/// - Without a required setting it is not built, and the fault names the variable.
#[async_trait]
pub trait InfraProvider: fmt::Debug + Send + Sync {
    /// Which optional operations are real.
    ///
    /// ```
    /// # use agent_pool_core::{InfraProvider, doctest::Elsewhere};
    /// let declared = Elsewhere.capabilities();
    /// assert!(!declared.logs && !declared.update_image, "none, unless it says so");
    /// ```
    fn capabilities(&self) -> InfraCapabilities {
        InfraCapabilities::default()
    }

    /// Makes all that an instance needs to run (service, volume, domain), whose variables are not known
    /// yet. In an [`Attempt::First`](crate::Attempt::First) of the context nothing of it is there yet, so that
    /// nothing has to be looked for.
    ///
    /// **Contract**
    /// - Starts nothing: the first [`InfraProvider::configure`] with [`Redeploy::Yes`] does.
    /// - Called again for the same instance it answers what is there and completes what is missing;
    ///   never does a second one come to be.
    /// - Two calls at once for one instance, through the layers, make one.
    /// - A create that is not idempotent at the vendor and whose answer was lost is not repeated
    ///   blindly: it looks up first.
    /// - After a failure, what exists can be found by the mark through `list`, or is undone.
    async fn create(
        &self,
        cx: &Context,
        instance: &InstanceId,
        spec: &InstanceSpec,
    ) -> Result<CreatedInfra, ProviderError>;

    /// Sets variables, keeping those that are not named.
    ///
    /// **Contract**
    /// - With [`Redeploy::Yes`] exactly one deployment follows, with all variables in place.
    /// - With [`Redeploy::No`] a running instance is left alone; the next deployment has them.
    async fn configure(
        &self,
        cx: &Context,
        handle: &InfraHandle,
        variables: &EnvVars,
        redeploy: Redeploy,
    ) -> Result<(), ProviderError>;

    /// Deploys again with the variables that are set.
    ///
    /// **Contract**
    /// - Every variable that is set stays.
    async fn redeploy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError>;

    /// Removes the service and every volume of it.
    ///
    /// **Contract**
    /// - Nothing of the instance is left at the vendor, of whatever kind.
    /// - What runs is stopped, and its volumes are removed with it.
    /// - What is already gone is a success.
    /// - What never was is a success, and nothing else is touched.
    /// - An id with characters that mean something in an address is encoded: it names itself alone.
    /// - A refusal that could mean "gone" or "not allowed" is looked into before it counts as gone.
    /// - Where an answer was lost, `list` still has what is left, and a repeated call ends it.
    async fn destroy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError>;

    /// Every instance of this environment, in as few calls as the vendor allows.
    ///
    /// **Contract**
    /// - Follows the vendor's pages to their end: an answer is whole, or an error.
    /// - Leaves out other environments, even one whose name begins like ours.
    /// - Leaves out what the vendor is already deleting.
    /// - Each has its handle, its address and, once it was deployed, its status.
    async fn list(&self, cx: &Context) -> Result<Vec<ListedInstance>, ProviderError>;

    /// The last `lines` lines of the instance's output, oldest first.
    ///
    /// ```
    /// # use agent_pool_core::{InfraProvider, doctest::{Elsewhere, cx, run}};
    /// # let (cx, handle) = (cx(), Elsewhere::created().handle);
    /// # run(async {
    /// let error = Elsewhere.logs(&cx, &handle, 100).await.unwrap_err();
    /// assert_eq!(error.operation(), Some("logs"), "unsupported by default");
    /// # });
    /// ```
    async fn logs(
        &self,
        _: &Context,
        _: &InfraHandle,
        _lines: usize,
    ) -> Result<Vec<LogLine>, ProviderError> {
        Err(ProviderError::unsupported("logs"))
    }

    /// Deploys another image with the variables that are set.
    ///
    /// ```
    /// # use agent_pool_core::{InfraProvider, doctest::{Elsewhere, cx, run}};
    /// # let (cx, handle) = (cx(), Elsewhere::created().handle);
    /// # run(async {
    /// let error = Elsewhere.update_image(&cx, &handle, "agent:2").await.unwrap_err();
    /// assert_eq!(error.operation(), Some("update_image"), "unsupported by default");
    /// # });
    /// ```
    async fn update_image(
        &self,
        _: &Context,
        _: &InfraHandle,
        _image: &str,
    ) -> Result<(), ProviderError> {
        Err(ProviderError::unsupported("update_image"))
    }

    /// Checks the credentials with a call that changes nothing.
    ///
    /// ```
    /// # use agent_pool_core::{InfraProvider, doctest::{Elsewhere, cx, run}};
    /// # let cx = cx();
    /// # run(async {
    /// let error = Elsewhere.verify(&cx).await.unwrap_err();
    /// assert_eq!(error.operation(), Some("verify"), "unsupported by default");
    /// # });
    /// ```
    async fn verify(&self, _: &Context) -> Result<(), ProviderError> {
        Err(ProviderError::unsupported("verify"))
    }
}

/// Which optional operations of an [`InfraProvider`] are real.
///
/// ```
/// use agent_pool_core::InfraCapabilities;
///
/// let declared = InfraCapabilities { logs: true, ..InfraCapabilities::default() };
/// assert!(!declared.update_image);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InfraCapabilities {
    /// [`InfraProvider::logs`].
    pub logs: bool,
    /// [`InfraProvider::update_image`].
    pub update_image: bool,
    /// [`InfraProvider::verify`].
    pub verify: bool,
}

/// What is asked of an infra for one instance.
///
/// ```
/// # use agent_pool_core::{InstanceId, InstanceSpec};
/// # let instance: InstanceId = "k3v9x0a1b2c3".parse().unwrap();
/// let name = format!("convos-agent-{instance}");
/// let spec = InstanceSpec { name, image: None };
/// let setting = "agent:1".to_owned();
/// assert_eq!(spec.image.unwrap_or(setting), "agent:1", "the provider's setting");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceSpec {
    /// The instance's name for people; vendors' resources are named by [`crate::Mark::label`].
    pub name: String,
    /// The image to run; `None` takes the provider's setting.
    pub image: Option<String>,
}

/// An infra's reference to one instance's service: what Services keeps and hands back.
///
/// ```
/// use agent_pool_core::InfraHandle;
///
/// let handle = InfraHandle {
///     instance: "k3v9x0a1b2c3".parse().unwrap(),
///     service: "0b9f4c1e".parse().unwrap(),
///     environment: "production".to_owned(),
///     project: None,
///     volume: Some("vol-7".to_owned()),
///     image: None,
/// };
/// // It is all that `destroy` is given: what is not in it has to be found by the instance's mark.
/// assert_eq!(handle.volume.as_deref(), Some("vol-7"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InfraHandle {
    /// The instance.
    pub instance: InstanceId,
    /// The service that runs it.
    pub service: ServiceId,
    /// The vendor's environment that the service is in.
    pub environment: String,
    /// The vendor's project, where it has projects.
    pub project: Option<String>,
    /// The volume, where it has one.
    pub volume: Option<String>,
    /// The image that it is to run, where it runs images.
    pub image: Option<String>,
}

/// An instance that was made, and not yet started.
///
/// ```
/// # use agent_pool_core::{CreatedInfra, doctest::Elsewhere};
/// # let handle = Elsewhere::created().handle;
/// let url = "https://k3v9x0a1b2c3.up.example".parse().unwrap();
/// let created = CreatedInfra { handle, url };
/// assert_eq!(created.url.join("pool/health").unwrap().path(), "/pool/health");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedInfra {
    /// The reference to it.
    pub handle: InfraHandle,
    /// Where it will be reached.
    pub url: Url,
}

/// One instance as its infra lists it.
///
/// ```
/// # use agent_pool_core::doctest::Elsewhere;
/// use agent_pool_core::{DeployStatus, ListedInstance};
///
/// # let handle = Elsewhere::created().handle;
/// let listed = ListedInstance {
///     handle,
///     status: Some(DeployStatus::Building),
///     url: None,
///     created_at: "2026-08-01T00:00:00Z".parse().ok(),
/// };
/// assert!(listed.created_at.is_some() && !listed.status.unwrap().is_dead());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedInstance {
    /// The reference to it.
    pub handle: InfraHandle,
    /// How its newest deployment does; `None` before the first.
    pub status: Option<DeployStatus>,
    /// Where it is reached, once it has an address.
    pub url: Option<Url>,
    /// When the vendor says that it was made; `None` where the vendor does not say.
    pub created_at: Option<DateTime<Utc>>,
}

/// One line of an instance's output.
///
/// ```
/// let line = agent_pool_core::LogLine { at: None, text: "ready".to_owned() };
/// assert_eq!(serde_json::to_string(&line).unwrap(), r#"{"text":"ready"}"#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// When it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// What was written, without the line's end.
    pub text: String,
}

/// Whether setting variables is followed by a deployment.
///
/// ```
/// # use agent_pool_core::{EnvVars, InfraProvider, ProviderError, doctest::{Elsewhere, cx, run}};
/// use agent_pool_core::Redeploy;
///
/// # let (infra, cx, handle) = (Elsewhere, cx(), Elsewhere::created().handle);
/// # let (name, key) = (EnvVars::new(), EnvVars::new());
/// # run(async {
/// // Two calls, one deployment, with the variables of both.
/// infra.configure(&cx, &handle, &name, Redeploy::No).await?;
/// infra.configure(&cx, &handle, &key, Redeploy::Yes).await?;
/// # Ok::<(), ProviderError>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redeploy {
    /// Deploy once, after all variables are set.
    Yes,
    /// Leave what runs alone.
    No,
}

/// How a deployment does, in the infras' own words brought to one set.
///
/// Source of the words: Railway's `DeploymentStatus`. On the wire they are upper case with `_`.
///
/// ```
/// use agent_pool_core::DeployStatus;
///
/// let status: DeployStatus = "CRASHED".to_owned().into();
/// assert!(status.is_dead());
/// let word = "HIBERNATING".to_owned(); // that a vendor adds is kept, and not dead
/// assert_eq!(DeployStatus::from(word.clone()), DeployStatus::Other(word));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum DeployStatus {
    /// Accepted, nothing done yet.
    Queued,
    /// Being set up.
    Initializing,
    /// Waits for something else, such as a check.
    Waiting,
    /// Waits for a person.
    NeedsApproval,
    /// Its image is being built.
    Building,
    /// It is being started.
    Deploying,
    /// It was started. Not a proof that it still runs: see the health check for that.
    Success,
    /// Put to sleep; a request wakes it.
    Sleeping,
    /// It could not be built or started.
    Failed,
    /// It ran, and ended on its own.
    Crashed,
    /// Being taken down.
    Removing,
    /// Taken down.
    Removed,
    /// Not deployed, because it did not need to be.
    Skipped,
    /// Services knows the instance, and the infra does not list it.
    Missing,
    /// A word that we do not know.
    Other(String),
}

impl DeployStatus {
    const WORDS: [(Self, &'static str); 14] = [
        (Self::Queued, "QUEUED"),
        (Self::Initializing, "INITIALIZING"),
        (Self::Waiting, "WAITING"),
        (Self::NeedsApproval, "NEEDS_APPROVAL"),
        (Self::Building, "BUILDING"),
        (Self::Deploying, "DEPLOYING"),
        (Self::Success, "SUCCESS"),
        (Self::Sleeping, "SLEEPING"),
        (Self::Failed, "FAILED"),
        (Self::Crashed, "CRASHED"),
        (Self::Removing, "REMOVING"),
        (Self::Removed, "REMOVED"),
        (Self::Skipped, "SKIPPED"),
        (Self::Missing, "MISSING"),
    ];

    /// Whether an instance in this state will not come back without a new deployment.
    #[must_use]
    pub const fn is_dead(&self) -> bool {
        match self {
            Self::Failed | Self::Crashed | Self::Removing | Self::Removed | Self::Missing => true,
            Self::Queued
            | Self::Initializing
            | Self::Waiting
            | Self::NeedsApproval
            | Self::Building
            | Self::Deploying
            | Self::Success
            | Self::Sleeping
            | Self::Skipped
            | Self::Other(_) => false,
        }
    }
}

impl fmt::Display for DeployStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Self::WORDS.iter().find(|(status, _)| status == self);
        match (known, self) {
            (Some((_, word)), _) => f.write_str(word),
            (None, Self::Other(word)) => f.write_str(word),
            (None, status) => write!(f, "{status:?}"),
        }
    }
}

impl From<String> for DeployStatus {
    fn from(word: String) -> Self {
        let known = Self::WORDS.iter().find(|(_, known)| *known == word);
        known.map_or(Self::Other(word), |(status, _)| status.clone())
    }
}

impl FromStr for DeployStatus {
    type Err = Infallible;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Ok(Self::from(word.to_owned()))
    }
}

impl From<DeployStatus> for String {
    fn from(status: DeployStatus) -> Self {
        status.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_deploy_status_comes_back_from_its_word() {
        for (status, word) in DeployStatus::WORDS {
            assert_eq!(status.to_string(), word);
            assert_eq!(DeployStatus::from(word.to_owned()), status);
        }
    }

    #[test]
    fn a_word_that_a_vendor_adds_is_kept_and_not_dead() {
        let status = DeployStatus::from("HIBERNATING".to_owned());
        assert_eq!(status.to_string(), "HIBERNATING");
        assert!(!status.is_dead());
    }
}
