//! Infrastructure: where an instance runs.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use crate::safe_line;
use crate::{
    Context, EnvVars, ErrorKind, InstanceId, NoticeError, ProviderError, Secret, ServiceId,
    VendorNotice,
};

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
/// /// Another team runs the instances: `create` only returns an address, and there is nothing to change.
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
///         let handle = InfraHandle::new(instance.clone(), label.parse()?);
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
/// ```
///
/// **Contract**
/// - A call may be cancelled at any point by dropping its future; the next call then continues from what
///   exists.
/// - A call ends by the deadline of its context, as `Unavailable`.
/// - A key that the vendor does not accept is `Unauthorized`.
/// - A vendor that asks to slow down is `RateLimited`, with the wait that it asks for, in seconds or as a
///   date.
/// - A vendor that is down or cuts the connection is `Unavailable`.
/// - An answer that cannot be understood is `Protocol`.
/// - No secret appears in `Debug` output, an error or a trace.
/// - A declared capability works; one that is not declared returns `Unsupported`.
/// - Without a required setting it is not built, and the fault names the variable.
#[async_trait]
pub trait InfraProvider: fmt::Debug + Send + Sync {
    /// The optional operations that work.
    fn capabilities(&self) -> InfraCapabilities {
        InfraCapabilities::default()
    }

    /// Creates everything that an instance needs to run (service, volume, domain). Its variables are not known yet.
    /// In an [`Attempt::First`](crate::Attempt::First) of the context nothing of it exists yet, so no lookup is
    /// needed.
    ///
    /// **Contract**
    /// - Starts nothing: the first [`InfraProvider::configure`] with [`Redeploy::Yes`] does.
    /// - Called again for the same instance, it returns what exists and completes what is missing;
    ///   it never creates a second one.
    /// - Two concurrent calls for one instance, through the layers, create one.
    /// - A create that is not idempotent at the vendor and whose answer was lost is not repeated
    ///   blindly: it looks up first.
    /// - After a failure, what exists can be found by the mark through `list`, or is undone.
    /// - No two instances share an address, and an instance keeps its own.
    async fn create(
        &self,
        cx: &Context,
        instance: &InstanceId,
        spec: &InstanceSpec,
    ) -> Result<CreatedInfra, ProviderError>;

    /// The image that instances run unless a request names one; `None` for an infra without images.
    fn default_image(&self) -> Option<&str> {
        None
    }

    /// Names of the provider's settings that shape an instance, such as `ACME_MEMORY_MIB`: an instance that was made
    /// with other values was made from another recipe. Omit settings about how to call the vendor, and secrets.
    fn recipe_settings(&self) -> &'static [&'static str] {
        &[]
    }

    /// Checks the options of a recipe, without any network call. An infra that takes options reads them with
    /// [`read_options`](crate::read_options) as a type of its own that denies unknown fields.
    ///
    /// # Errors
    /// An option that the infra does not take, or an invalid value. By default, every option is refused.
    ///
    /// **Contract**
    /// - Having no options is valid; an unknown option is `Invalid`, and the message names the known ones.
    fn check_options(&self, options: &InfraOptions) -> Result<(), ProviderError> {
        match options.keys().next() {
            None => Ok(()),
            Some(name) => Err(ProviderError::new(
                ErrorKind::Invalid,
                format!("option {name}: this infra takes no options"),
            )),
        }
    }

    /// The digest that an image name refers to now, so that a moved tag is noticed; `None` for an infra that knows
    /// the digest only once an instance runs. It may pull the image.
    async fn resolve_image(
        &self,
        _: &Context,
        _image: &str,
    ) -> Result<Option<String>, ProviderError> {
        Ok(None)
    }

    /// Sets variables and keeps those that are not named.
    ///
    /// **Contract**
    /// - Each deployment uses the options of its handle, and the settings for options that are absent.
    /// - With [`Redeploy::Yes`] exactly one deployment follows, with all variables in place.
    /// - With [`Redeploy::No`] a running instance is left alone; the next deployment has them.
    /// - A value arrives unchanged, whatever it contains: no part is evaluated. Where the infra
    ///   would evaluate it, it arrives escaped by [`escape_value`](crate::escape_value).
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
    /// - The data folder of the instance keeps its contents.
    async fn redeploy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError>;

    /// Removes the service and all its volumes.
    ///
    /// **Contract**
    /// - No resource of the instance, of any kind, is left at the vendor.
    /// - A running instance is stopped, and its volumes are removed with it.
    /// - Destroying what no longer exists succeeds.
    /// - Destroying what never existed succeeds and touches nothing else.
    /// - An id with characters that are special in a URL is encoded, so that it names only its own resource.
    /// - A refusal that could mean "does not exist" or "not allowed" is checked before it counts as destroyed.
    /// - If an answer was lost, `list` still returns what remains, and a repeated call destroys it.
    async fn destroy(&self, cx: &Context, handle: &InfraHandle) -> Result<(), ProviderError>;

    /// Every instance of this environment, in as few calls as the vendor allows.
    ///
    /// **Contract**
    /// - Follows the vendor's pages to the last one: an answer is complete, or an error.
    /// - Omits other environments, even one whose name begins like ours.
    /// - Omits what the vendor is already deleting.
    /// - Each entry has its handle, its address and, once it was deployed, its status.
    /// - A program that has ended is reported as dead.
    async fn list(&self, cx: &Context) -> Result<Vec<ListedInstance>, ProviderError>;

    /// The last `lines` lines of the instance's output, oldest first.
    ///
    /// **Contract**
    /// - A line that the instance wrote is in the result.
    async fn logs(
        &self,
        _: &Context,
        _: &InfraHandle,
        _lines: usize,
    ) -> Result<Vec<LogLine>, ProviderError> {
        Err(ProviderError::unsupported("logs"))
    }

    /// Deploys another image.
    ///
    /// **Contract**
    /// - The image changes, the variables stay, and later deployments run the new image.
    async fn update_image(
        &self,
        _: &Context,
        _: &InfraHandle,
        _image: &str,
    ) -> Result<(), ProviderError> {
        Err(ProviderError::unsupported("update_image"))
    }

    /// Checks the credentials with a call that changes nothing.
    async fn verify(&self, _: &Context) -> Result<(), ProviderError> {
        Err(ProviderError::unsupported("verify"))
    }

    /// Whether webhooks of the vendor are accepted: whether [`InfraProvider::read_notice`] has the settings that it
    /// needs.
    fn takes_notices(&self) -> bool {
        false
    }

    /// Verifies and reads a webhook of the vendor; `secret` is the last part of the path that it was sent to.
    ///
    /// - The secret is compared in constant time.
    /// - It makes no calls: a notice is only a hint to check.
    ///
    /// # Errors
    /// The provider has no webhooks, which is the default; the secret is wrong; the body cannot be read.
    fn read_notice(&self, _secret: &Secret, _body: &[u8]) -> Result<VendorNotice, NoticeError> {
        Err(NoticeError::Unsupported)
    }
}

/// The optional operations of an [`InfraProvider`] that work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct InfraCapabilities {
    /// [`InfraProvider::logs`].
    pub logs: bool,
    /// [`InfraProvider::update_image`].
    pub update_image: bool,
    /// [`InfraProvider::verify`].
    pub verify: bool,
}

/// The request for one instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstanceSpec {
    /// The instance's name for people; vendors' resources are named by [`crate::Mark::label`].
    pub name: String,
    /// The image to run; `None` takes the provider's setting.
    pub image: Option<String>,
    /// The options of its recipe, as [`InfraProvider::check_options`] accepted them.
    pub options: InfraOptions,
}

/// The options of a recipe that are specific to its infra, such as a memory limit. An omitted option has the value of
/// the provider's settings. No secrets.
pub type InfraOptions = Map<String, Value>;

/// An infra's reference to one instance's service. Services stores it and passes it back.
///
/// `data` belongs to the provider: nothing else reads it, so its shape may grow with the provider, which
/// must still read what it wrote before. It holds no secrets. Give the vendor's project, environment
/// and volume the names `projectId`, `environmentId` and `volumeId` if there are any: Services copies
/// members of these names into columns for people who look into the database.
///
/// ```
/// use agent_pool_core::{InfraHandle, ProviderError};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// #[serde(rename_all = "camelCase")]
/// struct Place {
///     zone: String,
///     volume_id: Option<String>,
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let place = Place { zone: "eu-1".to_owned(), volume_id: Some("vol-7".to_owned()) };
/// let handle = InfraHandle::new("k3v9x0a1b2c3".parse()?, "0b9f4c1e".parse()?).with_data(&place)?;
/// assert_eq!(handle.data, serde_json::json!({ "zone": "eu-1", "volumeId": "vol-7" }));
/// assert_eq!(handle.read_data::<Place>()?.zone, "eu-1");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InfraHandle {
    /// The instance.
    pub instance: InstanceId,
    /// The vendor's id of the service that runs the instance, unique within the provider.
    pub service: ServiceId,
    /// The image to run, for an infra that runs images.
    pub image: Option<String>,
    /// The options of its recipe. Services fills them in; the provider leaves them empty in what it returns.
    pub options: InfraOptions,
    /// Other data that the provider needs to find the service again; [`Value::Null`] if none.
    pub data: Value,
}

impl InfraHandle {
    /// A handle without an image and without data.
    #[must_use]
    pub fn new(instance: InstanceId, service: ServiceId) -> Self {
        Self {
            instance,
            service,
            image: None,
            options: InfraOptions::new(),
            data: Value::Null,
        }
    }

    /// The same handle with the provider's own data.
    ///
    /// # Errors
    /// `data` cannot be written as JSON.
    pub fn with_data(self, data: &impl Serialize) -> Result<Self, ProviderError> {
        let data = serde_json::to_value(data).map_err(|error| {
            ProviderError::defect(format!("the data of a handle is not JSON: {error}"))
        })?;
        Ok(Self { data, ..self })
    }

    /// The provider's own data.
    ///
    /// # Errors
    /// The data was not written by this provider.
    pub fn read_data<T: DeserializeOwned>(&self) -> Result<T, ProviderError> {
        T::deserialize(&self.data).map_err(|error| {
            let message = format!(
                "cannot read the handle of service {}: {error}",
                self.service
            );
            ProviderError::new(ErrorKind::Invalid, message)
        })
    }
}

/// An instance that was created and not started yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedInfra {
    /// The reference to it.
    pub handle: InfraHandle,
    /// Its address once it runs.
    pub url: Url,
}

/// One instance as its infra lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedInstance {
    /// The reference to it.
    pub handle: InfraHandle,
    /// The status of its newest deployment; `None` before the first.
    pub status: Option<DeployStatus>,
    /// The reason for the status, for people, in one line without secrets: out of memory, an exit code, an image that
    /// cannot be pulled. `None` if the status is enough, or the vendor gives no reason.
    pub detail: Option<String>,
    /// The digest of the running image; `None` if the vendor does not report it.
    pub image_digest: Option<String>,
    /// Its address, once it has one.
    pub url: Option<Url>,
    /// The vendor's time of creation; `None` if the vendor has none.
    pub created_at: Option<DateTime<Utc>>,
}

/// One line of an instance's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// When it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// The text without the line's end.
    pub text: String,
}

impl LogLine {
    /// Parses a line with a timestamp, as container engines and the Kubernetes API server write it: a time in RFC
    /// 3339, a space, the text. A line without a time is all text.
    #[must_use]
    pub fn with_timestamp(line: &str) -> Self {
        let timed = line.split_once(' ').and_then(|(at, text)| {
            let at: DateTime<Utc> = at.parse().ok()?;
            Some((at, text))
        });
        let (at, text) = timed.map_or((None, line), |(at, text)| (Some(at), text));
        Self {
            at,
            text: text.to_owned(),
        }
    }
}

/// Whether setting variables is followed by a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redeploy {
    /// Deploy once, after all variables are set.
    Yes,
    /// Leave a running instance alone.
    No,
}

/// The status of a deployment, in one vocabulary for all infras.
///
/// The words are those of Railway's `DeploymentStatus`. On the wire they are upper case with `_`.
///
/// ```
/// use agent_pool_core::DeployStatus;
///
/// let status: DeployStatus = "CRASHED".to_owned().into();
/// assert!(status.is_dead());
/// let word = "HIBERNATING".to_owned(); // an unknown word is kept, and not dead
/// assert_eq!(DeployStatus::from(word.clone()), DeployStatus::Other(word));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
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
    /// It was started. This does not prove that it still runs: see the health check.
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

/// Maximum length of an unknown word, in characters.
const OTHER_WORD_LIMIT: usize = 64;

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

    /// Whether an instance in this state needs a new deployment to run again.
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
        known.map_or_else(
            || Self::Other(safe_line(&word, OTHER_WORD_LIMIT).into_owned()),
            |(status, _)| status.clone(),
        )
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
    fn a_foreign_word_can_be_stored_and_shown() {
        let status = DeployStatus::from("A\0\u{1b}B".to_owned());
        assert_eq!(status.to_string(), "A\u{fffd}\u{fffd}B");
        assert!(DeployStatus::from("x".repeat(999)).to_string().len() < 80);
    }

    #[test]
    fn the_time_is_taken_off_a_line() {
        let parsed = LogLine::with_timestamp("2026-11-28T10:00:00.123456789Z ready on 8080");
        assert_eq!(parsed.text, "ready on 8080");
        assert!(parsed.at.is_some());
        let plain = LogLine::with_timestamp("no time here");
        assert_eq!((plain.text.as_str(), plain.at), ("no time here", None));
    }

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
